"""Samples in the evaluation's layout are what the search will ask.

If they were not, a network would be trained for one question and tested on
another; nothing else would notice.
"""

import jax
import numpy as np

from input_pipeline import augment, hawkeye_clips, hawkeye_samples
from input_pipeline.pixels import Resize
from tests.systems.hawkeye import tiny
from vtg_jax.moments import coarse
from vtg_jax.nn.compute import Compute
from vtg_jax.shape_stories import StoryVideo, make_story, standard
from vtg_jax.systems.hawkeye.grounder import HawkEyeGrounder
from vtg_jax.systems.hawkeye.model import HawkEye
from vtg_jax.systems.hawkeye.sample_rows import RowMaker, RowSizes
from vtg_jax.systems.hawkeye.tables import option_orders

QUERY = 'a red circle rises'


def turns(order):
  """The question with its options in an order, answered in all four ways."""
  lines = coarse.option_lines(order)
  question = coarse.grounding_question(QUERY, order)
  turn = {'q': question, 'a': list(zip(order, lines, strict=True))}
  return {c: hawkeye_samples.fix_category(turn, c) for c in order}


def test_training_rows_score_answers_as_the_search_does():
  config = tiny.config()
  size = config.encoder.image_size
  story = make_story(standard(duration_s=(6.0, 6.0)), 3)
  video = StoryVideo(story, resize=Resize(size=size))
  grounder = HawkEyeGrounder(config, tiny.params(), *tiny.tokenizers())
  (moment,) = grounder.ground(
    video, QUERY, max_rounds=1, sampling='timestamp', seed=5
  )
  searched = moment.rounds[0].probabilities

  tokenizer, instruction_tokenizer = tiny.tokenizers()
  make_row = RowMaker(
    sizes=RowSizes(
      n_video=config.qformer.n_tokens,
      max_text_tokens=config.max_text_tokens,
      pad_id=config.pad_id,
      row_tokens=700,
      instruction_tokens=config.max_instruction_tokens,
    ),
    tokenizer=tokenizer,
    instruction_tokenizer=instruction_tokenizer,
    layout='evaluation',
  )
  chosen = hawkeye_clips.choose_frames(
    video,
    None,
    'timestamp',
    num_frames=config.n_frames,
    rng=np.random.default_rng(0),
  )
  frames = video.get(chosen.ids)
  whole = augment.Augment(size=size, crop='whole', flip='off')
  view = augment.draw_view(whole, size, size, np.random.default_rng(0))
  order = option_orders(QUERY, seed=5, n_orders=1, n_rounds=1)[0][0]
  rows = [
    make_row([turn], chosen.times_s, grounding=True)
    for turn in turns(order).values()
  ]
  batch = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
  batch['frames'] = np.stack([augment.show(frames, view, size)] * 4)
  model = HawkEye(config, Compute())
  variables = {'params': tiny.params()}

  @jax.jit
  def log_probs_of(batch):
    states = model.apply(
      variables,
      batch,
      statistics='clip',
      first_slot='bos',
      deterministic=True,
      method='training_states',
    )
    logits = model.apply(variables, states, method='logits')
    return jax.nn.log_softmax(logits)

  log_probs = log_probs_of(batch)
  n_separator = len(tokenizer.encode_continuation('.', '###'))
  scores = []
  for row in range(4):
    learnt = np.flatnonzero(batch['labels'][row] >= 0)[:-n_separator]
    ids = batch['labels'][row, learnt]
    scores.append(log_probs[row, learnt - 1, ids].sum())
  trained = jax.nn.softmax(np.array(scores))
  want = [searched[category] for category in turns(order)]
  assert max(want) - min(want) > 0.01
  np.testing.assert_allclose(trained, want, atol=2e-5)
