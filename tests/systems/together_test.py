"""Several systems and one video: read once, answered by each, compared."""

import numpy as np
import pytest

from input_pipeline.encode_video import Encoding
from tests.systems import toy
from vtg_jax.errors import BadInput
from vtg_jax.moments import Absent
from vtg_jax.moments.calibration import fit_calibration, write_calibration
from vtg_jax.moments.joint_confidence import (
  JointAnswers,
  fit_joint,
  write_joint,
)
from vtg_jax.systems.fingerprint import model_fingerprint
from vtg_jax.systems.together import (
  Member,
  Together,
  joint_file,
  load_together,
)
from vtg_jax.testing.numbered_video import write_numbered_video


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
  path = tmp_path_factory.mktemp('clip') / 'eight seconds.mp4'
  write_numbered_video(path, 40, Encoding(fps=5))
  return path


@pytest.fixture(autouse=True)
def _toys(monkeypatch):
  toy.register(monkeypatch)


def together(*grounders):
  return Together(
    [Member(name=f'm{i}', grounder=one) for i, one in enumerate(grounders)]
  )


def test_one_pass_reads_all_that_the_systems_look_at(clip):
  systems = together(
    toy.ToyGrounder(size=16, n_frames=3), toy.ToyGrounder(size=24, n_frames=5)
  )
  video = systems.open_video(clip)
  (found,) = systems.ground(video, 'a cat')
  assert video.shared.count.passes == 1
  assert video.shared.resident_bytes == 3 * (3 * 16**2 + 5 * 24**2)
  assert (found.mean_iou, list(found.answers)) == (1.0, ['m0', 'm1'])


def test_who_reads_a_video_from_end_to_end_reads_first_for_all(clip):
  reader = toy.ToyReader(size=24, n_frames=2)
  assert not hasattr(reader, 'announce')
  systems = together(toy.ToyGrounder(size=16), reader)
  video = systems.open_video(clip)
  (found,) = systems.ground(video, ['a cat'])
  # One for all frames, one for the reader's own few afterwards.
  assert video.shared.count.passes == 2
  assert list(found.answers) == ['m0', 'm1']


def test_a_query_twice_has_two_answers(clip):
  systems = together(toy.ToyGrounder(), toy.ToyGrounder(score=0.05))
  found = systems.ground(clip, ['a cat', 'a cat'])
  assert [one.query for one in found] == ['a cat', 'a cat']
  assert found[0].common is None and found[0].n_absent == 1


def saved(tmp_path):
  spans = {'a': (0.0, 0.5), 'b': (0.25, 0.75), 'c': (0.5, 1.0)}
  return [
    toy.save(tmp_path / name, span=span, score=0.6)
    for name, span in spans.items()
  ]


def learnt(folders):
  """A confidence that follows the overlap, whatever the scores."""
  rng = np.random.default_rng(0)
  overlap = rng.uniform(size=200)
  tables = np.repeat(np.eye(2)[None], 200, axis=0)
  tables[:, 0, 1] = tables[:, 1, 0] = overlap
  scores = rng.uniform(size=(200, 2))
  ious = np.repeat(overlap[:, None], 2, axis=1)
  happens = rng.uniform(size=200) < 0.2 + 0.6 * overlap
  models = {model_fingerprint(one): one.name for one in folders}
  given = JointAnswers(scores=scores, overlaps=tables)
  return fit_joint(models, given, ious, happens)


def test_a_learnt_confidence_is_found_whatever_the_order(tmp_path, clip):
  a, b, c = saved(tmp_path)
  assert load_together([a, b]).joint is None
  write_joint(joint_file(a), [learnt([a, b])])
  first, second = load_together([a, b]), load_together([b, a])
  (one,), (other,) = first.ground(clip, 'a cat'), second.ground(clip, 'a cat')
  assert one.confidence.right == other.confidence.right
  assert list(other.answers) == list(other.confidence.right) == ['b', 'a']
  assert one.common == pytest.approx((2.0, 4.0))
  # Others, or with other options, have none, and say so.
  third = load_together([a, c])
  assert third.ground(clip, 'a cat')[0].confidence is None
  video = third.open_video(clip)
  assert 'vtg calibrate agreement' in third.lacks_confidence(video)
  assert first.ground(clip, 'a cat', rounds=1)[0].confidence is None
  assert 'usual options' in first.lacks_confidence(video, rounds=1)


def test_a_checkpoint_that_changed_has_no_confidence(tmp_path):
  a, b, _ = saved(tmp_path)
  write_joint(joint_file(a), [learnt([a, b])])
  (a / 'config.json').write_text((a / 'config.json').read_text() + '\n')
  assert load_together([a, b]).joint is None


def test_rules_for_absence_hold_for_each_by_its_own_scores(tmp_path, clip):
  a, b, _ = saved(tmp_path)
  scores = [0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]
  ious = [None] * 5 + [0.9] * 3
  write_calibration(a, fit_calibration(scores, ious))
  systems = load_together([a, b])
  (found,) = systems.ground(clip, 'a cat', absent_below=0.5)
  assert isinstance(found.best['a'], Absent) and found.best['a'].calibrated
  assert not isinstance(found.best['b'], Absent)
  with pytest.raises(BadInput, match='b has none'):
    systems.ground(clip, 'a cat', false_alarm_rate=0.3)


def test_what_are_not_several_models_is_refused(tmp_path):
  a, b, _ = saved(tmp_path)
  with pytest.raises(BadInput, match='given twice'):
    load_together([a, b, tmp_path / 'b' / '..' / 'a'])
  with pytest.raises(BadInput, match='is not a folder'):
    load_together([a, tmp_path / 'none'])
  blind = toy.save(tmp_path / 'blind')
  with pytest.raises(BadInput, match="blind is .* 'toy', which cannot find"):
    load_together([a, blind])
  with pytest.raises(BadInput, match='several'):
    Together([])


def test_folders_of_one_name_go_by_their_paths(tmp_path, clip):
  one = toy.save(tmp_path / '1' / 'model', score=0.5)
  two = toy.save(tmp_path / '2' / 'model', score=0.5)
  (found,) = load_together([one, two]).ground(clip, 'a cat')
  assert list(found.answers) == [str(one), str(two)]
