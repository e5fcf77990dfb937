"""Keys of Grounded-VideoLLM's adapter: two projectors and the learned rows.

Source: Grounded-VideoLLM `models/llava_next_video.py`; the spatial projectors
are those of Phi-3.5-vision and LLaVA-Next.
"""

from vtg_jax.convert.ops import Identity, LeadingOne, Op, Transpose
from vtg_jax.convert.table import Rule, Table

# Module of ours -> what its keys may start with. A checkpoint of the trained
# modules names them, a file of its own does not.
_IMAGE = ('multi_modal_projector.', '')
_VIDEO = ('video_projecter.', '')
# Reduction -> layers of the spatial projector, and the learned rows.
_RELEASED: dict[
  str, tuple[tuple[str, str], tuple[tuple[str, str, Op], ...]]
] = {
  'merge': (
    ('linear_0', 'linear_1'),
    (
      ('glb_GN', 'separator', LeadingOne(2)),
      ('sub_GN', 'newline', LeadingOne(3)),
    ),
  ),
  'pool': (
    ('linear_1', 'linear_2'),
    (('image_newline', 'separator', Identity()),),
  ),
}


def two_stream_table(
  *, image_reduction: str, target: str = 'two_stream/'
) -> Table:
  """Returns the rules that fill the adapter.

  Args:
    image_reduction: 'merge' for the files of Phi-3.5-vision, 'pool' for those
      of LLaVA-Next; see `TwoStreamConfig`.
    target: what the paths of the parameters start with.
  """
  layers, learned = _RELEASED[image_reduction]
  image = _projector(f'{target}image_projector/', layers)
  video = _projector(f'{target}video_projector/', ('up_proj', 'down_proj'))
  rows = tuple(Rule(key, target + name, op) for key, name, op in learned)
  return image.under(*_IMAGE) + video.under(*_VIDEO) + Table(rows)


def _projector(target: str, layers: tuple[str, str]) -> Table:
  rules = []
  for key, name in zip(layers, ('fc1', 'fc2'), strict=True):
    rules += [
      Rule(f'{key}.weight', f'{target}{name}/kernel', Transpose()),
      Rule(f'{key}.bias', f'{target}{name}/bias'),
    ]
  return Table(tuple(rules))
