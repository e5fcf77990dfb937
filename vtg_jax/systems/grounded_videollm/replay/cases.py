"""Recorded cases of Grounded-VideoLLM, and what of the library computes them.

The keys that begin with a language model's name need its tokenizer.
"""

import functools
import re
from collections.abc import Callable
from typing import Any

from vtg_jax.llm.json_tokenizer import JsonTokenizer
from vtg_jax.systems.grounded_videollm.config import GroundedVideoLlmConfig
from vtg_jax.systems.grounded_videollm.prompt import DIALECTS
from vtg_jax.systems.grounded_videollm.replay import case_rules
from vtg_jax.systems.replay.cases import BARE, Case, Rule


def find_rule(
  config: GroundedVideoLlmConfig,
  tokenizer: Callable[[str], JsonTokenizer],
  key: str,
  cases: Any,
) -> Rule | None:
  """The rule that replays the cases of a key; None where there is none.

  Args:
    config: Of a model of the set.
    tokenizer: Gives that of a language model, with the words of time.
    key: Of its file of cases.
    cases: What stands under it.
  """
  for llm, dialect in DIALECTS.items():
    own = key.removeprefix(f'{llm}_')
    if own != key:
      return _rule_of_llm(functools.partial(tokenizer, llm), dialect, own)
  match key:
    case 'keyframe_indices':
      return _rule(
        functools.partial(case_rules.keyframes, config),
        gives=('num_frames', 'num_segs'),
        computes=('frames_per_seg', 'indices'),
      )
    case 'metrics_not_from_reference':
      names = case_rules.computed_scores(cases)
      return _rule(
        functools.partial(case_rules.scores, names),
        gives=('gt', 'pred', 'answer_correct'),
        computes=names,
        one_case=True,
      )
  return RULES.get(key)


def _rule(replay: Callable[[Case], dict], **options) -> Rule:
  """A rule whose function does not look at the rest of the file."""
  return Rule(replay=lambda case, _: replay(case), **options)


def _rule_of_llm(tokenizer, dialect, key) -> Rule | None:
  # It is asked for in the case, whose failure it is if there is none.
  def with_tokenizer(function, *more):
    return lambda case: function(tokenizer(), *more, case)

  if key == 'stage1_text':
    return _rule(
      functools.partial(case_rules.stage1_text, dialect),
      gives=(BARE,),
      computes=(BARE,),
      bare=True,
    )
  if key == 'tokenise_and_labels':
    return _rule(
      with_tokenizer(case_rules.tokens_and_labels, dialect),
      gives=('text',),
      computes=('input_ids', 'labels'),
      may_compute=('supervised_text', 'mismatch_warning'),
    )
  if key == 'decode':
    return _rule(
      with_tokenizer(case_rules.decoded), gives=('ids',), computes=('text',)
    )
  if cut := re.fullmatch(r'truncation_max_txt_len_(\d+)', key):
    return _rule(
      with_tokenizer(case_rules.cut_batch, dialect, int(cut[1])),
      gives=('texts',),
      computes=('input_ids', 'labels', 'attention_mask'),
      one_case=True,
    )
  return None


RULES = {
  'seconds_to_token_training': _rule(
    case_rules.learnt_tokens,
    gives=('text', 'duration'),
    may_give=('M',),
    computes=('out',),
  ),
  'token_to_seconds_inference': _rule(
    case_rules.told_seconds,
    gives=('text', 'duration'),
    may_give=('M',),
    computes=(),
    may_compute=('phi', 'llama'),
  ),
  'referring_query_inference': _rule(
    case_rules.asked_tokens,
    gives=('query', 'duration'),
    may_give=('M',),
    computes=('out',),
  ),
  'frame_indices_middle': _rule(
    case_rules.middle_frames,
    gives=('num_frames', 'vlen'),
    computes=('indices',),
  ),
  'grounding_marker_and_templates': _rule(
    case_rules.templates,
    gives=('inp',),
    computes=('out',),
    may_compute=('phi', 'llama'),
  ),
  'lr_schedule': _rule(
    case_rules.learning_rates,
    gives=('n_examples', 'global_batch', 'epochs', 'base_lr'),
    computes=('num_training_steps', 'num_warmup_steps', 'lr_per_step'),
    tolerance=1e-12,
    relative=True,
  ),
}
