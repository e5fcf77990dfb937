"""Grounded questions: from captions with times to a training file.

    captions      videos and what happens in them when, from annotations
    writing       the prompt for a language model, and what it must answer
    checks        whether what it answered can be used
    distractors   wrong options: other answers that are alike
    dataset       annotations to a file of the released mixtures' form

Source: Grounded-VideoLLM (arXiv 2410.03290): a model writes question, answer
  and span of an event from captions with times; wrong options are other
  answers close in likeness.
Deviates: the paper's prompts and thresholds are not public; these are ours.
"""

from input_pipeline.grounded_qa.captions import CaptionedVideo, read_captions
from input_pipeline.grounded_qa.dataset import (
  BuildReport,
  GroundedQaConfig,
  build_dataset,
)
from input_pipeline.grounded_qa.distractors import HashedWords, TextEmbedder
from input_pipeline.grounded_qa.writing import (
  LanguageModel,
  QuestionWriter,
  Request,
  TemplateWriter,
)

__all__ = [
  'BuildReport',
  'CaptionedVideo',
  'GroundedQaConfig',
  'HashedWords',
  'LanguageModel',
  'QuestionWriter',
  'Request',
  'TemplateWriter',
  'TextEmbedder',
  'build_dataset',
  'read_captions',
]
