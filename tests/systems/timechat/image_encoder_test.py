"""A CLIP's image encoder in a TimeChat sees what it saw before."""

import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import vtg_jax
from input_pipeline.pixels import CLIP_MEAN, CLIP_STD
from vtg_jax.convert import checkpoint
from vtg_jax.convert.param_tree import flatten, unflatten
from vtg_jax.encoders.vit import Vit
from vtg_jax.errors import BadInput
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.clip.release import config_of_json
from vtg_jax.systems.timechat import release
from vtg_jax.systems.timechat.image_encoder import (
  image_encoder_params,
  image_encoder_sizes,
)
from vtg_jax.systems.timechat.starting_point import StartConfig, starting_point

CLIP = Path(vtg_jax.__file__).parent / 'checkpoints' / 'clip_small'


def test_a_clip_encoder_sees_the_same_through_other_colours():
  config = config_of_json(checkpoint.read_config(CLIP)['model'])
  pixels = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)

  def tokens(sizes, params, mean, std):
    images = jnp.asarray((pixels - np.array(mean)) / np.array(std))
    return Vit(sizes, Compute()).apply({'params': params}, images).tokens

  theirs = tokens(
    config.image,
    checkpoint.load_params(CLIP)['image_encoder'],
    config.colour_mean,
    config.colour_std,
  )
  ours = tokens(
    image_encoder_sizes(CLIP),
    unflatten(image_encoder_params(CLIP))['encoder'],
    CLIP_MEAN,
    CLIP_STD,
  )
  np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_it_goes_to_pytorch_and_back(tmp_path):
  start = starting_point(StartConfig(preset='small', image_encoder=str(CLIP)))
  params, sizes = start.params(seed=0), start.model.to_dict()
  model, out = tmp_path / 'model', tmp_path / 'again'
  checkpoint.save_checkpoint(
    model,
    unflatten(params),
    {'system': 'timechat', 'model': sizes},
    tokenizer_files=start.tokenizer_files,
  )
  (file,) = release.export(model, tmp_path / 'torch')
  (tmp_path / 'sizes.json').write_text(json.dumps(sizes))
  release.convert(
    [file],
    out,
    config=tmp_path / 'sizes.json',
    tokenizers=list(start.tokenizer_files.values()),
  )
  again = flatten(checkpoint.load_params(out))
  assert again.keys() == params.keys()
  for path, x in params.items():
    np.testing.assert_array_equal(again[path], x)


def test_a_start_with_it_has_its_sizes_and_its_weights():
  start = starting_point(StartConfig(preset='small', image_encoder=str(CLIP)))
  params = start.params(seed=0)
  assert start.model.encoder == image_encoder_sizes(CLIP)
  for path, x in image_encoder_params(CLIP).items():
    np.testing.assert_array_equal(params[path], x)
  with pytest.raises(BadInput, match='image_encoder and start.init_from are'):
    starting_point(StartConfig(init_from=str(CLIP), image_encoder=str(CLIP)))
