"""The captions of a recorded run, and how their words are compared."""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from vtg_jax.errors import BadInput
from vtg_jax.metrics import meteor
from vtg_jax.metrics.caption_scorers import check_tools, published_scorers
from vtg_jax.metrics.dense_captions import Event, Pairs, TogetherScorer
from vtg_jax.systems.replay.cases import Case

_NO_LETTER = re.compile('[^a-zA-Z]')


class Video(NamedTuple):
  """A video that was to be told.

  Attributes:
    name: of its file.
    told: events of the model; none where it told nothing.
    true: the true ones.
  """

  name: str
  told: tuple[Event, ...]
  true: tuple[Event, ...]


def videos_of(
  told: Mapping[str, Sequence[Case]], true: Sequence[Case]
) -> list[Video]:
  """The videos of a file of truths, with what is told of them.

  Raises:
    ValueError: a video has not as many sentences as spans.
  """
  videos = []
  for one in true:
    name = one['image_id'].rpartition('/')[2]
    videos.append(
      Video(
        name=name,
        told=tuple(
          Event(tuple(event['timestamp']), event['caption'])
          for event in told.get(name, ())
        ),
        true=tuple(
          Event(tuple(span), sentence)
          for span, sentence in zip(
            one['segments'], _sentences(one), strict=True
          )
        ),
      )
    )
  return videos


def _sentences(told: Case) -> list[str]:
  if 'pure_cap' in told:  # YouCook2
    found = told['pure_cap'].split('. ')
  else:
    found = [one.strip(' ') for one in told['caption'].split('.')]
    found = [one for one in found if len(one) > 5]
  return [f'{sentence}.' for sentence in found]


class RecordedCaptions:
  """What programs in Java make of the sentences of a record."""

  def __init__(self, detail: Sequence[Case], videos: Sequence[Video]):
    """Reads the record.

    Args:
      detail: of each video its captions' words and METEOR of its pairs.
      videos: likewise in order.
    """
    self._words: dict[str, str] = {}
    self._meteor: dict[str, Any] = {}
    for video, told in zip(videos, detail, strict=True):
      self._meteor[video.name] = told['meteor_matrix']
      for events, words in (
        (video.told, told['tokenized_pred']),
        (video.true, told['tokenized_gt']),
      ):
        sentences = (event.sentence for event in events)
        self._words |= zip(sentences, words, strict=True)

  def words(self, sentence: str) -> str:
    """The words of a sentence, parted by spaces; all but the record's own."""
    return self._words.get(sentence, sentence)

  def parted(self, pairs: Pairs) -> list[tuple[str, str]]:
    """(told, true) sentences as words."""
    return [(self.words(one), self.words(other)) for one, other in pairs]

  def all_words(self) -> list[str]:
    """Of every sentence."""
    return list(self._words.values())

  def meteor_of_pairs(self, video: Video) -> Float[np.ndarray, 'M N']:
    """METEOR of true with told events."""
    values = np.array(self._meteor[video.name], np.float64)
    return values.reshape(len(video.true), len(video.told))


def letters(text: str) -> str:
  """The words of a paragraph: what is no letter parts them."""
  return ' '.join(_NO_LETTER.sub(' ', text).lower().split())


@contextlib.contextmanager
def meteor_together(texts: Sequence[str]) -> Iterator[TogetherScorer]:
  """METEOR of pairs counted together: by the published program if it is here.

  Otherwise that of same words and stems, which is as much where the sentences
  share no synonyms or paraphrases.

  Args:
    texts: all that will be compared, their words parted by spaces.
  """
  with contextlib.ExitStack() as stack:
    scorer = meteor.together
    with contextlib.suppress(BadInput):
      check_tools()
      scorer = stack.enter_context(published_scorers(texts))['METEOR'].together
    yield scorer
