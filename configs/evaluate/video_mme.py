"""Video-MME without subtitles: questions about short and long videos.

Paper: Grounded-VideoLLM (arXiv 2410.03290), README: accuracy 47.7 without
  subtitles, and 48.1 with grounding data of other benchmarks in its training.
  The paper's figures, not ours.
Command: vtg evaluate video_mme annotations=videomme.json \
  videos=Video-MME/data --model DIR
Data: the rows of the published table as a JSON list, or its list of videos with
  their `questions`; videos are named by their `videoID`.
Hardware, time, our score: not yet run.
"""

from ml_collections import ConfigDict

from configs.evaluate_recipe import questions_recipe


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config; 'quicktest' asks the first 8 questions."""
  return questions_recipe('video_mme', 'Video-MME', arg)
