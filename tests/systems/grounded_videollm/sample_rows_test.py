"""Rows of samples: turns in a row, and questions side by side."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.systems.grounded_videollm import golden
from vtg_jax.errors import BadInput
from vtg_jax.llm.json_tokenizer import JsonTokenizer
from vtg_jax.moments.temporal_tokens import time_tokens
from vtg_jax.nn.compute import Compute
from vtg_jax.systems.grounded_videollm.model import (
  GroundedVideoLlm,
  init_params,
)
from vtg_jax.systems.grounded_videollm.prompt import (
  ASSISTANT,
  HUMAN,
  VIDEO,
)
from vtg_jax.systems.grounded_videollm.rows import IGNORE
from vtg_jax.systems.grounded_videollm.sample_rows import RowMaker

TURNS = [
  {'from': HUMAN, 'value': f'{VIDEO}\nWhen does it rise?'},
  {'from': ASSISTANT, 'value': 'From <2.5> to <10.0>.'},
  {'from': HUMAN, 'value': 'What happens?'},
  {'from': ASSISTANT, 'value': 'It rises.'},
]


def maker(name, layout, *, row_tokens=None, n_video=None):
  config = golden.config_of(name)
  return RowMaker(
    tokenizer=JsonTokenizer(
      golden.GOLDEN / f'tokenizer_{name}.json', time_tokens(config.n_intervals)
    ),
    dialect=config.words,
    n_video=config.n_video if n_video is None else n_video,
    n_intervals=config.n_intervals,
    max_text_tokens=2048,
    row_tokens=row_tokens or config.n_video + 300,
    layout=layout,
  )


def learnt(row, tokenizer) -> str:
  return tokenizer.decode([i for i in row['labels'] if i != IGNORE])


@pytest.mark.parametrize('name', golden.NAMES)
@pytest.mark.parametrize('layout', ['conversation', 'side_by_side'])
def test_answers_are_learnt_with_words_of_time(name, layout):
  rows = maker(name, layout)
  row = rows(TURNS, 20.0)
  n = rows.n_intervals
  text = learnt(row, rows.tokenizer).replace(' ', '')
  assert text.count(f'From<{n // 8}>to<{n // 2}>.') == 1
  assert text.count('Itrises.') == 1
  marker = rows.tokenizer.token_id('<timestamp_grounding>')
  assert (row['input_ids'] == marker).sum() == 1


@pytest.mark.parametrize('name', golden.NAMES)
def test_side_by_side_a_question_is_as_if_it_were_alone(name):
  """Its states are those of a row with nothing else."""
  rows = maker(name, 'side_by_side')
  both = rows(TURNS, 20.0)
  question = {**TURNS[2], 'value': f'{VIDEO}\n{TURNS[2]["value"]}'}
  alone = maker(name, 'conversation')([question, TURNS[3]], 20.0)
  config = golden.config_of(name)
  params = init_params(config, jax.random.key(0), Compute())
  network = GroundedVideoLlm(config, Compute())
  video = jax.random.normal(
    jax.random.key(1), (1, config.n_video, config.llm.width)
  )

  def states(row):
    batch = {key: jnp.asarray(x)[None] for key, x in row.items()}
    return network.apply(
      {'params': params},
      batch['input_ids'],
      batch['attention_mask'],
      video,
      batch['video_start'],
      turn=batch.get('turn'),
      positions=batch.get('positions'),
      method='row_states',
    )[0]

  own = both['turn'] == 2
  n_seen = int(both['video_start']) + config.n_video
  n = int(own.sum())
  np.testing.assert_array_equal(
    both['input_ids'][own], alone['input_ids'][n_seen : n_seen + n]
  )
  np.testing.assert_array_equal(
    both['labels'][own], alone['labels'][n_seen : n_seen + n]
  )
  np.testing.assert_allclose(
    states(both)[own], states(alone)[n_seen : n_seen + n], atol=1e-5
  )


def test_what_is_no_time_of_a_stage_stays_text():
  config = golden.config_of('phi3')
  rows = maker('phi3', 'conversation')
  rows = RowMaker(**{**rows.__dict__, 'n_intervals': None})
  row = rows(TURNS, 20.0)
  marker = rows.tokenizer.token_id('<timestamp_grounding>')
  assert not (row['input_ids'] == marker).any()
  assert row['attention_mask'].sum() > config.n_video


def test_a_text_without_a_video_hides_the_rooms_of_one():
  rows = maker('phi3', 'conversation')
  row = rows(
    TURNS[2:]
    and [{'from': HUMAN, 'value': f'{VIDEO}\nWhat happens?'}, TURNS[3]],
    None,
  )
  start = int(row['video_start'])
  assert not row['attention_mask'][start : start + rows.n_video].any()
  assert row['attention_mask'][:start].all()


def test_what_does_not_fit_is_refused():
  rows = maker('phi3', 'conversation', row_tokens=40, n_video=20)
  with pytest.raises(BadInput, match='use a larger row_tokens'):
    rows(TURNS, 20.0)
