"""QVHighlights: which clips of a video stand out for a sentence, and how much.

Paper: TimeChat (arXiv 2312.02051), zero-shot and fine-tuned: mAP 14.5 and 21.7,
  HIT@1 23.9 and 37.9, a clip being a highlight from the score 'very good' on.
  The paper's figures, not ours.
Command: vtg evaluate qvhighlights annotations=highlight_val_release.jsonl \
  videos=QVHighlights --model DIR
Data: the annotation file of the validation split (1550 sentences) and the
  videos, named as its `vid`.
Hardware, time, our score: not yet run.
"""

from ml_collections import ConfigDict

from configs.evaluate_recipe import highlights_recipe


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config; 'quicktest' asks the first 8 sentences."""
  return highlights_recipe('QVHighlights', arg)
