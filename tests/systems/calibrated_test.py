"""A calibrated checkpoint's answers, and the options that come with it."""

import copy
import inspect

import pytest

import vtg_jax
from tests.systems.hawkeye import tiny
from vtg_jax.commands.video_verb import method_of
from vtg_jax.errors import BadInput
from vtg_jax.moments import Absent, Moment
from vtg_jax.moments.calibration import fit_calibration, write_calibration
from vtg_jax.systems import registry
from vtg_jax.systems.calibrated import Calibrated

SCORES = [0.2, 0.4, 0.8, 0.9, 0.1, 0.3, 0.5]
IOUS = [0.0, 0.9, 0.6, 0.7, None, None, None]


class Named:
  """A system of its own: it is as sure as the number in the query."""

  system, notice = 'named', ''

  def ground(self, video, queries, *, top_k=1, rounds=4):
    return [
      Moment(
        start_s=float(i),
        end_s=video,
        score=float(query) - 0.05 * i,
        query=query,
      )
      for query in queries
      for i in range(top_k)
    ]


@pytest.fixture
def grounder():
  return Calibrated(Named(), fit_calibration(SCORES, IOUS))


def test_scores_are_probabilities(grounder):
  sure, unsure = grounder.ground(9.0, ['0.9', '0.2'])
  # Three right ones, and one of two, with one more that is not, or is.
  assert (sure.score, unsure.score) == (3 / 4, 1 / 2)
  assert sure.calibrated and sure.end_s == 9
  assert grounder.system == 'named'


def test_absent_at_a_rate_of_false_alarms(grounder):
  found, absent = grounder.ground(9.0, ['0.9', '0.2'], false_alarm_rate=0.25)
  assert isinstance(found, Moment)
  assert isinstance(absent, Absent) and absent.query == '0.2'
  assert absent.score < absent.threshold
  with pytest.raises(BadInput, match='needs 9 held-out'):
    grounder.ground(9.0, ['0.9'], false_alarm_rate=0.1)


def test_several_answers_a_query_are_judged_by_the_best(grounder):
  answers = grounder.ground(9.0, ['0.9', '0.1'], top_k=2, absent_below=0.6)
  assert [a.query for a in answers] == ['0.9', '0.9', '0.1']
  assert isinstance(answers[-1], Absent)
  twice = grounder.ground(9.0, ['0.9', '0.9'], top_k=2)
  assert [a.start_s for a in twice] == [0, 1, 0, 1]
  (one,) = grounder.ground(9.0, '0.9')
  assert one.query == '0.9'
  with pytest.raises(BadInput, match='absent_below'):
    grounder.ground(9.0, '0.9', absent_below=2.0)


def test_a_caller_sees_the_systems_own_options(grounder):
  parameters = inspect.signature(grounder.ground).parameters
  assert {'rounds', 'top_k', 'false_alarm_rate'} <= set(parameters)
  rate = {'--false-alarm-rate': ('false_alarm_rate', 0.1)}
  assert method_of(grounder, 'ground', rate)
  with pytest.raises(BadInput, match=r'needs .* calibration\.json'):
    method_of(Named(), 'ground', rate)
  with pytest.raises(BadInput, match='does not know --beam'):
    method_of(grounder, 'ground', {'--beam': ('beam_width', 3)})


class NamedByLuck(Named):
  """Its scores are of another kind where it is asked for luck."""

  def ground(self, video, queries, *, top_k=1, absent_below=None, luck=False):
    return super().ground(video, queries, top_k=top_k)

  def other_scores(self, **options):
    return [name for name, value in options.items() if value]


def test_scores_of_another_kind_stay_as_they_are():
  grounder = Calibrated(NamedByLuck(), fit_calibration(SCORES, IOUS))
  (usual,) = grounder.ground(9.0, ['0.9'], luck=False)
  (other,) = grounder.ground(9.0, ['0.9'], luck=True)
  assert usual.calibrated and not other.calibrated
  assert (usual.score, other.score) == (3 / 4, 0.9)
  with pytest.raises(BadInput, match='as they were calibrated; leave out luck'):
    grounder.ground(9.0, ['0.9'], luck=True, false_alarm_rate=0.25)


def test_it_can_be_copied(grounder):
  assert copy.copy(grounder).system == 'named'


def test_a_folder_with_a_calibration_loads_calibrated(tmp_path):
  tiny.save(tmp_path / 'tiny')
  assert not isinstance(vtg_jax.load(tmp_path / 'tiny'), Calibrated)
  path = write_calibration(tmp_path / 'tiny', fit_calibration(SCORES, IOUS))
  loaded = vtg_jax.load(tmp_path / 'tiny')
  assert isinstance(loaded, Calibrated)
  assert loaded.system == 'hawkeye'
  raw = registry.load(tmp_path / 'tiny', calibrated=False)
  assert not isinstance(raw, Calibrated)
  path.write_text('{}')
  with pytest.raises(BadInput, match='is no calibration'):
    vtg_jax.load(tmp_path / 'tiny')
