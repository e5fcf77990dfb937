"""`vtg highlight`: a table, a document, and saliency over time."""

import json
from pathlib import Path

from tests.systems import toy
from vtg_jax import cli

CLIP = Path(cli.__file__).parent / 'testing' / 'data' / 'demo.mp4'


def test_highlights_are_told_and_drawn(tmp_path, monkeypatch, capsys):
  toy.register(monkeypatch)
  model = toy.save(tmp_path / 'toy', score=0.4)
  picture = tmp_path / 'saliency.svg'
  asked = ['highlight', str(CLIP), 'a cat', '--model', str(model)]
  assert cli.main([*asked, '--json', '--plot', str(picture)]) == 0
  (found,) = json.loads(capsys.readouterr().out)['highlights']
  assert found['saliency'] == [1.5, 3.0]
  assert '3.00 at 4 s' in picture.read_text()
  assert cli.main(asked) == 0
  assert '3.00' in capsys.readouterr().out
  assert cli.main([*asked, '--plot', str(tmp_path / 'a.txt')]) == 2
