import pytest

from vtg_jax.moments import Absent, Moment
from vtg_jax.moments.agreement import Agreement, Confidence


def moment(start_s, end_s, score=0.5):
  return Moment(start_s=start_s, end_s=end_s, score=score, query='a cat')


def agreement(**best):
  answers = {name: (one,) for name, one in best.items()}
  return Agreement(query='a cat', answers=answers)


ABSENT = Absent(score=0.1, threshold=0.2, query='a cat')


def test_common_is_what_all_best_answers_share():
  one = agreement(a=moment(2, 8), b=moment(4, 9), c=moment(0, 6))
  assert one.common == (4, 6)
  assert one.ious[('a', 'b')] == pytest.approx(4 / 7)
  assert one.mean_iou == pytest.approx((4 / 7 + 4 / 8 + 2 / 9) / 3)


@pytest.mark.parametrize('other', [moment(5, 7), moment(9, 9), ABSENT])
def test_nothing_is_common_where_answers_part_or_one_is_absent(other):
  one = agreement(a=moment(2, 5), b=other)
  assert one.common is None
  assert one.mean_iou == 0
  assert one.to_json()['common'] is None


def test_json_has_every_answer_and_the_confidence():
  said = Agreement(
    query='a cat',
    answers={'a': (moment(2, 4), moment(5, 6)), 'b': (ABSENT,)},
    confidence=Confidence(right={'a': 0.8, 'b': 0.0}, happens=0.6, hit_iou=0.5),
  )
  document = said.to_json()
  assert [len(x) for x in document['answers'].values()] == [2, 1]
  assert document['n_absent'] == 1
  assert document['ious'] == [{'models': ['a', 'b'], 'iou': 0.0}]
  assert document['confidence'] == {
    'surest': 'a', 'probability': 0.8, 'right': {'a': 0.8, 'b': 0.0},
    'happens': 0.6, 'hit_iou': 0.5,
  }  # fmt: skip


def test_a_system_without_an_answer_is_an_error():
  with pytest.raises(ValueError, match='no answer'):
    Agreement(query='a cat', answers={'a': ()})
