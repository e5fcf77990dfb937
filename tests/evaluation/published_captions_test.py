"""Two told videos, as the published programs score them.

Recorded from soda.py of fujiso/SODA (each reference alone, then the mean) and
from evaluate.py of ranjaykrishna/densevid_eval, with pycocoevalcap 1.2.
"""

import pytest

from vtg_jax.evaluation.caption_summary import summarise_captions
from vtg_jax.metrics.bootstrap import Bootstrap

TOLD = {
  'a': [
    [[0, 10], 'A man runs over the grass.'],
    [[8, 30], 'the man sits down and eats an apple'],
    [[40, 45], 'a dog barks'],
  ],
  'b': [
    [[2, 9], 'two women are dancing'],
    [[3, 20], 'A woman dances on a stage, alone.'],
  ],
}
REFERENCES = {
  'a': [
    [
      [[0, 11], 'a man is running on grass'],
      [[10, 28], 'he sits down to eat'],
    ],
    [
      [[1, 9], 'The man runs across a lawn.'],
      [[25, 31], 'he eats a red apple'],
      [[41, 46], 'a car drives by'],
    ],
  ],
  'b': [
    [[[0, 20], 'a woman dances on a stage']],
    [
      [[2, 10], 'Two women dance at a café'],
      [[10, 20], 'one woman goes on alone'],
    ],
  ],
}


def summary(words):
  lines = [
    {
      'video': video,
      'told': told,
      'references': REFERENCES[video],
      'seconds': 1.0,
      'error': None,
    }
    for video, told in TOLD.items()
  ]
  return summarise_captions(
    lines, words=words, bootstrap=Bootstrap(n_resamples=5)
  )


def test_spans_are_scored_as_published():
  found = summary('overlap')
  assert found.precision == pytest.approx(0.6041666666666666)
  assert found.recall == pytest.approx(0.8125)


@pytest.mark.captions
@pytest.mark.java
def test_words_are_scored_as_published():
  found = summary('published')
  # The published IoU has 1e-8 below its line.
  assert found.soda_c == pytest.approx(0.17573095651008905, abs=1e-8)
  assert found.sentences['METEOR'] == pytest.approx(0.22416046430497746)
  assert found.sentences['CIDEr'] == pytest.approx(1.8367486702108082)
