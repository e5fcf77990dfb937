"""The whole network against the reference's losses and scores."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.systems.grounded_videollm import golden
from vtg_jax.convert.checkpoint import load_params
from vtg_jax.convert.from_release import convert_release
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.grounded_videollm import release, rows
from vtg_jax.systems.grounded_videollm.config import (
  GroundedVideoLlmConfig,
  before_stage2,
  llama3,
  phi3,
)
from vtg_jax.systems.grounded_videollm.model import (
  GroundedVideoLlm,
  param_axes,
  param_shapes,
)
from vtg_jax.train.loss import next_token_loss

INPUTS = np.load(golden.GOLDEN / 'inputs.npz')
OUTPUTS = np.load(golden.GOLDEN / 'outputs.npz')


@pytest.fixture(scope='module', params=golden.NAMES)
def name(request):
  return request.param


def converted(name, folder, *, tuned):
  files = golden.save_release(name, folder, tuned=tuned)
  config = golden.config_of(name, tuned=tuned)
  folder = folder / 'ours'
  convert_release(
    files,
    release.table(config),
    release.expected_params(config),
    {'system': release.SYSTEM, 'model': config.to_dict()},
    {},
    folder,
  )
  return config, jax.tree.map(jnp.asarray, load_params(folder))


@pytest.fixture(scope='module')
def tuned(name, tmp_path_factory):
  return converted(name, tmp_path_factory.mktemp('tuned'), tuned=True)


def scores(config, params, llm, batch, *, text_only=None):
  """Logits and labels of a batch of the golden set."""
  given = rows.Rows(
    INPUTS[f'{llm}.{batch}.input_ids'],
    INPUTS[f'{llm}.{batch}.labels_text'],
    INPUTS[f'{llm}.{batch}.attention_mask_text'] > 0,
  )
  row = rows.with_video(given, config.n_video, 0, text_only=text_only)
  spatial = jnp.moveaxis(jnp.asarray(INPUTS['spatial_pixel_values']), 2, -1)
  temporal = jnp.moveaxis(jnp.asarray(INPUTS['temporal_pixel_values']), 2, -1)
  logits = GroundedVideoLlm(config, Compute()).apply(
    {'params': params},
    spatial,
    temporal,
    jnp.asarray(row.input_ids),
    jnp.asarray(row.attention_mask),
    jnp.asarray(row.video_start),
  )
  return logits, jnp.asarray(row.labels)


def test_the_rows_of_a_video(name, tuned):
  config, params = tuned
  spatial, temporal = (
    jnp.moveaxis(jnp.asarray(INPUTS[f'{kind}_pixel_values']), 2, -1)
    for kind in ('spatial', 'temporal')
  )
  network = GroundedVideoLlm(config, Compute())
  out = network.apply({'params': params}, spatial, temporal, method='encode')
  assert out.rows.shape[1] == config.n_video
  np.testing.assert_allclose(
    out.rows, OUTPUTS[f'{name}.visual_tokens'], **golden.TOLERANCE
  )


def test_the_tuned_model(name, tuned):
  config, params = tuned
  logits, labels = scores(config, params, name, 'sft')
  loss = next_token_loss(logits, labels, ignore=rows.IGNORE)
  np.testing.assert_allclose(loss, OUTPUTS[f'{name}.sft.loss'], rtol=1e-4)
  np.testing.assert_allclose(
    logits[:, -12:], OUTPUTS[f'{name}.sft.logits_lora_tail'], **golden.TOLERANCE
  )


def test_a_text_without_a_video(name, tuned):
  config, params = tuned
  logits, labels = scores(config, params, name, 'sft', text_only=[True, False])
  loss = next_token_loss(logits, labels, ignore=rows.IGNORE)
  np.testing.assert_allclose(loss, OUTPUTS[f'{name}.textonly.loss'], rtol=1e-4)


def test_the_model_of_the_first_stage(name, tmp_path):
  config, params = converted(name, tmp_path, tuned=False)
  logits, labels = scores(config, params, name, 'stage1')
  loss = next_token_loss(logits, labels, ignore=rows.IGNORE)
  np.testing.assert_allclose(loss, OUTPUTS[f'{name}.stage1.loss'], rtol=1e-4)
  np.testing.assert_allclose(
    logits[:, -12:], OUTPUTS[f'{name}.stage1.logits_tail'], **golden.TOLERANCE
  )


def test_the_released_sizes_are_the_specifications():
  for config, n_video, grown in (
    (phi3(), 3420, 32366),
    (llama3(), 2316, 128558),
  ):
    assert config.n_video == n_video
    assert config.keyframes == tuple(range(4, 96, 8))
    assert config.llm.vocab_size == grown
    assert before_stage2(config).llm.vocab_size == grown - 302
    assert GroundedVideoLlmConfig.from_dict(config.to_dict()) == config
    shapes, axes = param_shapes(config), param_axes(config)
    jax.tree.map(
      lambda shape, names: len(shape.shape) == len(names) or pytest.fail(),
      shapes,
      axes,
      is_leaf=lambda x: isinstance(x, tuple),
    )


def test_parts_that_do_not_fit_are_refused(name):
  config = golden.config_of(name)
  adapter = dataclasses.replace(config.two_stream, width=47)
  with pytest.raises(ValueError, match='rows of 47'):
    dataclasses.replace(config, two_stream=adapter)
  with pytest.raises(ValueError, match='cannot be cut'):
    dataclasses.replace(config, n_segments=3)
