"""Asking over a video that was read before is asking about it anew."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.prefix_reuse import WholePrompt, asked_when, differences
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


@pytest.mark.parametrize('name', golden.NAMES)
def test_spans_score_as_without_what_is_kept(name, video):
  config = tiny.config(name)
  wording = Wording(config, tiny.tokenizer(name))
  asked = [asked_when(wording, q) for q in ('a dog', 'a cat sits on a mat')]
  before = len(wording.before_ids) + config.n_video
  answered = before + 1 + len(wording.span_words().middle)
  widths = [answered + len(row) for row in asked]
  if config.llm.long_rope:  # the second question, and not the first, is long
    rope = dataclasses.replace(
      config.llm.long_rope, original_positions=widths[0]
    )
    llm = dataclasses.replace(config.llm, long_rope=rope)
    config = dataclasses.replace(config, llm=llm)
  asker = Asker(config, tiny.params(config), wording, Compute())
  shown = shown_frames(video, 'timestamp', config)
  rows = asker.programs.encode(
    asker.params, shown.keyframes[None], shown.frames[None]
  )
  whole = WholePrompt(config, asker.params, wording, rows)
  assert max(differences(asker, video, whole, asked, widths)) < 2e-4
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
    padded = np.pad(ids, [(0, 0), (0, 128 - ids.shape[1])])
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
