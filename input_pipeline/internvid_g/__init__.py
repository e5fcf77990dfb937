"""InternVid-G: from videos to sentences with the moment each one tells of.

    scene_cuts     where the picture changes, and so the scenes

Source: HawkEye `internvid_g/` (arXiv 2403.10228, section 3.1).
"""

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
  'CaptionSpan',
  'MergeRule',
  'NegativeSpanRule',
  'caption_span',
  'grounded_captions',
  'merge_scenes',
  'scene_groups',
]
