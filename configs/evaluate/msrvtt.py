"""MSR-VTT: the clip that a sentence describes, among a thousand.

Paper: ReVisionLLM (arXiv 2411.14901), text to video: R@1 49.1 with all levels.
  The paper's figure, not ours; which scores rank its videos is not public, here
  the best frames choose those that are looked at closely.
Command: vtg evaluate msrvtt annotations=MSRVTT_JSFUSION_test.csv \
  videos=MSRVTT_Videos --model DIR
  features=FILE features_fps=N in place of the videos.
Data: the file of the 1k-A test, and its clips, named as in its video_id.
Hardware, time, our score: not yet run.
"""

from ml_collections import ConfigDict

from configs.evaluate_recipe import retrieval_recipe


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config; 'quicktest' looks for the first 8 sentences."""
  config = ConfigDict()
  config.benchmark = 'clip_retrieval'
  config.title = 'MSR-VTT, text to video'
  config.annotations = ''
  # Features of frames, as released or a folder of indexes; or else videos.
  config.features = ''
  config.features_fps = 1.0
  config.videos = ''
  retrieval_recipe(config)
  if arg == 'quicktest':
    config.first = 8
  return config
