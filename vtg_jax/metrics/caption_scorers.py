"""How well two sentences agree: METEOR and CIDEr by their published tools.

The tools are the package pycocoevalcap, our extra `captions`; METEOR and the
Penn Treebank tokenizer in it are Java programs. `word_overlap` needs neither.
"""

import collections
import contextlib
import dataclasses
import importlib
import importlib.util
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from vtg_jax.errors import BadInput
from vtg_jax.metrics.dense_captions import (
  NOTHING_SAID,
  EachScorer,
  Pairs,
  TogetherScorer,
)

_WORD = re.compile(r'\w+')
_NOT_ASCII = re.compile(r'[^\x00-\x7f]')


@dataclasses.dataclass(frozen=True, kw_only=True)
class CaptionScorer:
  """One way to compare sentences.

  Attributes:
    name: what to call it.
    each: pairs of (told, true) -> a score of each.
    together: pairs -> one score of all, which need not be their mean.
  """

  name: str
  each: EachScorer
  together: TogetherScorer


def word_overlap(told: str, true: str) -> float:
  """Returns the harmonic mean of the shares of words in common, 0..1.

  word_overlap('a red dog', 'a dog runs') == 2 / 3; case and marks are nothing.
  """
  said, wanted = (
    collections.Counter(_WORD.findall(text.lower())) for text in (told, true)
  )
  n_words = said.total() + wanted.total()
  return 2 * (said & wanted).total() / n_words if n_words else 0.0


def _each_overlap(pairs: Pairs) -> list[float]:
  return [word_overlap(told, true) for told, true in pairs]


WORD_OVERLAP = CaptionScorer(
  name='words',
  each=_each_overlap,
  together=lambda pairs: float(np.mean(_each_overlap(pairs))),
)


@contextlib.contextmanager
def published_scorers(
  texts: Iterable[str],
) -> Iterator[dict[str, CaptionScorer]]:
  """Starts METEOR and CIDEr for some sentences, and ends them.

  Args:
    texts: every sentence that will be compared; they go through the
      tokenizer together, as it takes a second to start.

  Yields:
    Scorers by name: 'METEOR' in 0..1, 'CIDEr' in 0..10. CIDEr weighs words by
    how rare they are among the true sentences of a call.

  Raises:
    BadInput: pycocoevalcap or Java is missing.
  """
  check_tools()
  tokens = _tokenised(sorted({*texts, NOTHING_SAID}))
  meteor = _published('meteor.meteor', 'Meteor')
  cider = _published('cider.cider', 'Cider')
  try:
    yield {
      name: CaptionScorer(
        name=name,
        each=lambda pairs, tool=tool: _scored(tool, tokens, pairs)[1],
        together=lambda pairs, tool=tool: _scored(tool, tokens, pairs)[0],
      )
      for name, tool in (('METEOR', meteor), ('CIDEr', cider))
    }
  finally:
    process = meteor.meteor_p
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
      if pipe is not None:
        pipe.close()


def check_tools() -> None:
  """Raises BadInput where pycocoevalcap or Java is missing."""
  if importlib.util.find_spec('pycocoevalcap') is None:
    raise BadInput(
      'METEOR and CIDEr need pycocoevalcap, which is not installed; pip '
      'install "vtg-jax[captions]", or set words=overlap'
    )
  if shutil.which('java') is None:
    raise BadInput(
      'METEOR and the tokenizer before it are Java programs, and there is no '
      'java on the PATH; install a Java runtime, or set words=overlap'
    )


def _published(module: str, name: str):
  return getattr(importlib.import_module(f'pycocoevalcap.{module}'), name)()


def _tokenised(texts: list[str]) -> dict[str, str]:
  """Text -> its words in lower case with spaces between, no marks."""
  tool = _published('tokenizer.ptbtokenizer', 'PTBTokenizer')
  # Lines are what it counts by, and the published scripts hand it ASCII only.
  lines = {
    i: [{'caption': ' '.join(_NOT_ASCII.sub(' ', text).split())}]
    for i, text in enumerate(texts)
  }
  found = tool.tokenize(lines)
  return {text: found[i][0] for i, text in enumerate(texts)}


def _scored(
  tool, tokens: Mapping[str, str], pairs: Pairs
) -> tuple[float, list[float]]:
  """One score of all pairs, and one of each."""
  # Of marks only there are no words left, and METEOR would lose count of what
  # it is told to compare with; nothing may be told.
  true = {i: [tokens[pair[1]] or NOTHING_SAID] for i, pair in enumerate(pairs)}
  told = {i: [tokens[pair[0]]] for i, pair in enumerate(pairs)}
  together, each = tool.compute_score(true, told)
  return float(together), [float(score) for score in each]
