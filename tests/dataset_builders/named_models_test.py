import pytest

from tests.input_pipeline.internvid_g import colour_models
from vtg_jax.dataset_builders import named_models
from vtg_jax.errors import BadInput

MODULE = 'tests.input_pipeline.internvid_g.colour_models'


def test_ones_own_models_are_named_by_module_and_callable():
  embedder = named_models.load_embedder(f'{MODULE}:ColourEmbedder')
  captioner = named_models.load_captioner(f'{MODULE}:ColourCaptioner')
  assert isinstance(embedder, colour_models.ColourEmbedder)
  assert isinstance(captioner, colour_models.ColourCaptioner)


@pytest.mark.parametrize(
  'name', ['no.such_module:Thing', f'{MODULE}:Nothing', ':Thing']
)
def test_what_cannot_be_imported_is_bad_input(name):
  with pytest.raises(BadInput, match='write module:callable'):
    named_models.load_embedder(name)


def test_what_is_no_embedder_is_bad_input():
  with pytest.raises(BadInput, match='without embed_images, embed_texts'):
    named_models.load_embedder(f'{MODULE}:ColourCaptioner')
