import json

import pytest

from input_pipeline.internvid_g import InternVidGConfig
from tests.input_pipeline.internvid_g.colour_models import (
  SHADES,
  wall,
  write_walls,
)
from vtg_jax import cli
from vtg_jax.commands.build_internvid_g import overridden
from vtg_jax.errors import BadInput

MODULE = 'tests.input_pipeline.internvid_g.colour_models'
MODELS = (
  '--embedder', f'{MODULE}:ColourEmbedder',
  '--captioner', f'{MODULE}:ColourCaptioner',
)  # fmt: skip


@pytest.fixture
def folder(tmp_path):
  folder = tmp_path / 'videos'
  folder.mkdir()
  walls = [(wall(SHADES[name][0]), 2) for name in ('red', 'blue', 'green')]
  write_walls(folder / 'a.mp4', walls)
  return folder


def run(folder, out, *options):
  return cli.main(
    ['build-internvid-g', str(folder), *options, '--out', str(out), *MODELS]
  )


def test_the_verb_writes_sentences_and_counts_them(folder, tmp_path, capsys):
  (folder / 'b.mp4').write_bytes(b'no video')
  out = tmp_path / 'train.jsonl'
  assert run(folder, out) == 0
  said = capsys.readouterr()
  assert '3 sentences from 1 videos; 3 captions' in said.out
  assert '1 videos described now, 1 skipped' in said.out
  assert 'note: skipped b.mp4' in said.err
  captions = [json.loads(line)['caption'] for line in out.open()]
  assert captions == ['a red wall', 'a blue wall', 'a green wall']


def test_thresholds_are_set_by_name(folder, tmp_path):
  out = tmp_path / 'train.jsonl'
  assert run(folder, out, 'negative.max_caption_s=1', 'kept_quantile=0') == 0
  assert out.read_text() == ''


@pytest.mark.parametrize(
  ('options', 'said'),
  [
    (['cuts.treshold=3'], 'did you mean cuts.threshold'),
    (['cuts.threshold=high'], 'give a number'),
    (['merge.method=first'], "use 'last' or 'union'"),
    (['threshold'], 'write key=value'),
  ],
)
def test_bad_overrides_are_one_sentence(
  folder, tmp_path, capsys, options, said
):
  assert run(folder, tmp_path / 'train.jsonl', *options) == 2
  err = capsys.readouterr().err
  assert said in err and err.count('\n') == 1
  assert not list(tmp_path.glob('*.jsonl'))


def test_the_folder_is_only_read(folder, tmp_path, capsys):
  assert run(folder, folder / 'train.jsonl') == 2
  assert 'is only read' in capsys.readouterr().err


def test_every_entry_can_be_set():
  config = overridden(
    InternVidGConfig(),
    ['cuts.weights=[0,0,1]', 'merge.method=union', 'max_scenes=7'],
  )
  assert config.cuts.weights == (0, 0, 1)
  assert (config.merge.method, config.max_scenes) == ('union', 7)
  assert overridden(InternVidGConfig(), ()) == InternVidGConfig()
  with pytest.raises(BadInput):
    overridden(InternVidGConfig(), ['max_scenes=0'])
