"""Asking over a video that was read before is asking about it anew."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.llm.golden_lm import OUTPUTS, TOLD, params_of
from tests.systems.grounded_videollm import golden, tiny
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.grounded_videollm.asker import Asker
from vtg_jax.systems.grounded_videollm.asking import (
  AskingPrograms,
  Questions,
  Sampling,
)
from vtg_jax.systems.grounded_videollm.frames import shown_frames
from vtg_jax.systems.grounded_videollm.model import GroundedVideoLlm
from vtg_jax.systems.grounded_videollm.wording import Wording

NOBODY_DRAWS = Sampling(np.int32(0), np.float32(1))


class Anew:
  """The same scores with nothing kept: the whole prompt in one pass."""

  def __init__(self, config, params, wording):
    self.wording, self.n_video = wording, config.n_video
    self.network = GroundedVideoLlm(config, Compute())
    self.apply = functools.partial(
      self.network.apply, {'params': jax.tree.map(jnp.asarray, params)}
    )

  def scores(self, rows, question):
    before = self.wording.before_ids.tolist()
    ids = [*before, *[0] * self.n_video, *question]
    hidden = self.apply(
      jnp.asarray([ids]),
      jnp.ones((1, len(ids)), bool),
      rows,
      jnp.asarray([len(before)]),
      method='row_states',
    )
    logits = self.apply(hidden[:, -1], method='logits')[0]
    return jax.nn.log_softmax(logits[self.wording.time_ids])


@pytest.mark.parametrize('name', golden.NAMES)
def test_spans_score_as_without_what_is_kept(name, video):
  config = tiny.config(name)
  wording = Wording(config, tiny.tokenizer(name))
  rows = [
    [*wording.question_ids(q, when=True), *wording.span_words().lead]
    for q in ('a dog', 'a cat sits on a mat')
  ]
  if config.llm.long_rope:  # the second question, and not the first, is long
    before = len(wording.before_ids) + config.n_video
    rope = dataclasses.replace(
      config.llm.long_rope, original_positions=before + len(rows[0])
    )
    llm = dataclasses.replace(config.llm, long_rope=rope)
    config = dataclasses.replace(config, llm=llm)
  params = tiny.params(config)
  asker = Asker(config, params, wording, Compute())
  middle = wording.span_words().middle
  found = asker.spans(video, 'timestamp', rows, middle)
  anew = Anew(config, params, wording)
  shown = shown_frames(video, 'timestamp', config)
  seen = anew.apply(shown.keyframes[None], shown.frames[None], method='see')
  for question, (start, end) in zip(rows, found, strict=True):
    np.testing.assert_allclose(start, anew.scores(seen, question), atol=2e-4)
    said = int(wording.time_ids[start.argmax()])
    following = [*question, said, *middle]
    np.testing.assert_allclose(end, anew.scores(seen, following), atol=2e-4)
  assert asker.n_read == 1


@pytest.mark.parametrize('original_positions', [None, 716, 256])
def test_what_is_written_is_what_the_reference_writes(original_positions):
  """Also where the text outgrows LongRoPE's short factors, or began so."""
  name, key = 'phi3', 'gen'
  config = golden.config_of(name)
  if original_positions:
    rope = dataclasses.replace(
      config.llm.long_rope, original_positions=original_positions
    )
    llm = dataclasses.replace(config.llm, long_rope=rope)
    config = dataclasses.replace(config, llm=llm)
    key = {716: 'gen_cross', 256: 'gen_longfactor'}[original_positions]
  wording = Wording(config, tiny.tokenizer(name))
  programs = AskingPrograms(GroundedVideoLlm(config, Compute()), wording)
  params = {'llm': jax.tree.map(jnp.asarray, params_of(name))}
  prompts = [p.split('<image>')[1] for p in TOLD[name]['prompts']]
  total = np.int32(TOLD[name]['gen_prompt_len'])
  for b, prompt in enumerate(prompts):
    ids = np.array([wording.tokenizer.encode(prompt)], np.int32)
    rows = jnp.asarray(OUTPUTS[f'{name}.visual_tokens'][b : b + 1])
    kv = programs.prefill(params, rows, total)
    padded = np.pad(ids, [(0, 0), (0, 96 - ids.shape[1])])
    questions = Questions(padded, np.array([ids.shape[1]]), total)
    out = programs.write(
      params,
      kv,
      questions,
      np.ones(1, bool),
      NOBODY_DRAWS,
      max_tokens=12,
      spans=False,
      n_candidates=0,
    )
    want = OUTPUTS[f'{name}.{key}.greedy_ids'][b]
    np.testing.assert_array_equal(np.asarray(out.ids)[0], want)
