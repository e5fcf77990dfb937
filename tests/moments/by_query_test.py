from vtg_jax.moments import Absent, Moment
from vtg_jax.moments.by_query import by_query


def moment(query):
  return Moment(start_s=0.0, end_s=1.0, score=0.5, query=query)


def test_answers_are_told_apart_by_their_query():
  dogs, cat = [moment('dog')] * 2, Absent(score=0, threshold=1, query='cat')
  found = by_query([*dogs, cat], 2, top_k=2)
  assert found == [dogs, [cat]]
  assert by_query(dogs, 2, top_k=1) == [dogs[:1], dogs[:1]]


def test_what_cannot_be_told_apart_is_none():
  assert by_query([moment('dog')] * 2, 2, top_k=2) is None
  assert by_query([], 1, top_k=1) is None
