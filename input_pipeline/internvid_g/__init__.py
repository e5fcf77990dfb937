"""InternVid-G: from videos to sentences with the moment each one tells of.

    scene_cuts     where the picture changes, and so the scenes
    scene_frames   which frames stand for a scene
    description    scenes, their likeness and their captions, of one video
    spans          scenes that are one; captions and their negative spans
    dataset        a folder of videos to a file of sentences

Source: HawkEye `internvid_g/` (arXiv 2403.10228, section 3.1).
"""

from input_pipeline.internvid_g.dataset import BuildReport, build_dataset
from input_pipeline.internvid_g.description import (
  Captioner,
  ImageTextEmbedder,
  InternVidGConfig,
)
from input_pipeline.internvid_g.scene_cuts import CutRule
from input_pipeline.internvid_g.spans import (
  CaptionSpan,
  MergeRule,
  NegativeSpanRule,
  caption_span,
  grounded_captions,
  merge_scenes,
  scene_groups,
)

__all__ = [
  'BuildReport',
  'CaptionSpan',
  'Captioner',
  'CutRule',
  'ImageTextEmbedder',
  'InternVidGConfig',
  'MergeRule',
  'NegativeSpanRule',
  'build_dataset',
  'caption_span',
  'grounded_captions',
  'merge_scenes',
  'scene_groups',
]
