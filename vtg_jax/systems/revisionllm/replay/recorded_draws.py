"""Random numbers out of a record, for samplers that ask for the same ones.

A record is a list of [function, arguments, result]. Of a choice it has the
length of what is chosen from, and the number of what is chosen.
"""

from collections.abc import Sequence
from typing import Any


class RecordedDraws:
  """See `input_pipeline.long_video.draws.Draws`.

  Attributes:
    taken: what was asked for so far, as a record.
  """

  def __init__(self, record: Sequence[Sequence[Any]]):
    self._results = [result for _, _, result in record]
    self.taken: list[list[Any]] = []

  def randint(self, a: int, b: int) -> int:
    return self._next('randint', [a, b])

  def randrange(self, stop: int) -> int:
    return self._next('randrange', [stop])

  def choice(self, seq: Sequence[Any]) -> Any:
    return seq[self._next('choice', [f'<len {len(seq)}>'])]

  def sample(self, population: Sequence[Any], k: int) -> list[Any]:
    found = self._next('sample', [f'<list len {len(population)}>', k])
    if not set(found) <= set(population):
      raise ValueError(f'{found} is no sample of {list(population)}')
    return list(found)

  def _next(self, function: str, arguments: list[Any]) -> Any:
    if len(self.taken) == len(self._results):
      raise ValueError(
        f'{function}{arguments} is asked for after {len(self.taken)} draws, '
        'where the record ends'
      )
    result = self._results[len(self.taken)]
    self.taken.append([function, arguments, result])
    return result
