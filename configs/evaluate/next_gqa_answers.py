"""NExT-GQA: questions whose answer must be right and show its evidence.

Paper: Grounded-VideoLLM (arXiv 2410.03290), README: Acc@GQA, mIoP and mIoU of
  26.7, 34.5 and 21.1; 29.4, 37.4 and 27.0 with grounding data of other
  benchmarks in its training. The paper's figures, not ours.
Command: vtg evaluate next_gqa_answers annotations=test.csv \
  spans=gsub_test.json names=map_vid_vidorID.json videos=NExTVideo --model DIR
Data: the published table of questions, the file of spans, the file of the
  videos' names, and NExT-QA's videos. Of several true spans the best counts.
Hardware, time, our score: not yet run.
"""

from ml_collections import ConfigDict

from configs.evaluate_recipe import questions_recipe


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config; 'quicktest' asks the first 8 questions."""
  config = questions_recipe('next_gqa', 'NExT-GQA', arg)
  config.spans = ''
  # A question's video -> its file; '' where the files are named as there.
  config.names = ''
  return config
