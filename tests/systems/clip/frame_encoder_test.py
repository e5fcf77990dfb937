"""A checkpoint of CLIP encodes frames and queries, alone or as a part."""

import json
import shutil

import jax.numpy as jnp
import numpy as np
import pytest
import tokenizers

from input_pipeline.video import Resize
from tests.systems.clip.tiny import tiny, write_tiny
from vtg_jax.convert import checkpoint
from vtg_jax.encoders.dual import DualEncoder
from vtg_jax.errors import BadInput
from vtg_jax.nn.compute import Compute
from vtg_jax.systems import registry
from vtg_jax.systems.clip import frame_encoder
from vtg_jax.systems.clip.words import ClipTokenizer, canonical_query
from vtg_jax.testing.demo_clip import DEMO_CLIP

FRAMES = np.random.default_rng(0).integers(0, 256, (35, 16, 16, 3), np.uint8)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  return write_tiny(tmp_path_factory.mktemp('clip') / 'tiny')


@pytest.fixture(scope='module')
def encoder(folder):
  return frame_encoder.load(folder)


def test_frames_are_encoded_whatever_their_number(folder, encoder):
  params = checkpoint.load_params(folder)
  want = DualEncoder(tiny(), Compute()).apply(
    {'params': params}, jnp.asarray(FRAMES), method='encode_frames'
  )
  got = encoder.encode_frames(FRAMES)
  assert got.dtype == np.float32
  np.testing.assert_allclose(got, want, atol=1e-5)
  np.testing.assert_array_equal(encoder.encode_frames(FRAMES[:3]), got[:3])
  assert encoder.encode_frames(FRAMES[:0]).shape == (0, 8)


def test_queries_are_encoded_alone_or_together(encoder):
  queries = [f'a red circle number {i} rises' for i in range(19)]
  queries[4] = 'a star. '
  together = encoder.encode_queries(queries)
  for i in (0, 4, 18):
    (alone,) = encoder.encode_queries(queries[i : i + 1])
    n_tokens = len(encoder.tokenizer.ids(canonical_query(queries[i])))
    assert alone.token_features.shape == (n_tokens - 2, 8)
    for name in ('token_features', 'cls_features'):
      np.testing.assert_allclose(
        getattr(together[i], name), getattr(alone, name), atol=1e-5
      )
  assert encoder.encode_queries([]) == []


def test_a_long_query_is_cut_off_before_its_end_token(encoder):
  ids = encoder.tokenizer.ids('red ' * 50)
  assert len(ids) == 20
  assert ids[-1] == encoder.tokenizer.ids('red')[-1]
  (found,) = encoder.encode_queries(['red ' * 50])
  assert found.token_features.shape == (18, 8)


@pytest.mark.parametrize(
  ('query', 'want'),
  [
    ('A dog runs', 'A dog runs.'),
    ('A dog runs.', 'A dog runs.'),
    (' A dog? ', 'A dog.'),
    ('..A dog...', 'A dog.'),
    ('A dog. ', 'A dog..'),
    ('', '.'),
  ],
)
def test_queries_end_in_one_full_stop(query, want):
  assert canonical_query(query) == want


def test_a_fingerprint_is_of_the_parameters(tmp_path, folder, encoder):
  again = frame_encoder.load(write_tiny(tmp_path / 'again'))
  assert again.fingerprint == encoder.fingerprint
  other = frame_encoder.load(write_tiny(tmp_path / 'other', seed=1))
  assert other.fingerprint != encoder.fingerprint


def test_a_system_can_hold_one_as_a_part(tmp_path, folder, encoder):
  whole = tmp_path / 'system'
  checkpoint.save_checkpoint(
    whole,
    {'w': np.zeros(2)},
    {'system': 'another'},
    parts={frame_encoder.PART: folder},
  )
  part = frame_encoder.load(whole)
  assert part.fingerprint == encoder.fingerprint
  assert (part.name, encoder.name) == ('system', 'tiny')
  shutil.rmtree(whole / frame_encoder.PART)
  with pytest.raises(BadInput, match="system 'another' and holds no frame_enc"):
    frame_encoder.load(whole)


def test_only_what_is_used_is_read(tmp_path, folder):
  broken = tmp_path / 'broken'
  shutil.copytree(folder, broken)
  encoder = frame_encoder.load(broken)
  encoder.encode_queries(['a star'])
  shutil.rmtree(broken / 'params')
  encoder.encode_queries(['a star'])
  with pytest.raises(BadInput, match='is not a whole checkpoint'):
    encoder.encode_frames(FRAMES)


def test_a_checkpoint_whose_sizes_are_others_is_refused(tmp_path, folder):
  broken = tmp_path / 'broken'
  shutil.copytree(folder, broken)
  config = json.loads((broken / 'config.json').read_text())
  config['model']['features'] = 9
  (broken / 'config.json').write_text(json.dumps(config))
  with pytest.raises(BadInput, match='does not fit its config.json'):
    frame_encoder.load(broken).encode_queries(['a star'])
  config['model']['text']['vocab_size'] = 7
  (broken / 'config.json').write_text(json.dumps(config))
  with pytest.raises(BadInput, match='the tokenizer has'):
    frame_encoder.load(broken)


def test_a_tokenizer_of_another_kind_is_refused(tmp_path):
  words = tokenizers.models.WordLevel({'a': 0}, unk_token='a')
  tokenizer = tokenizers.Tokenizer(words)
  tokenizer.save(str(tmp_path / 'tokenizer.json'))
  with pytest.raises(BadInput, match='not a start and an end'):
    ClipTokenizer(tmp_path / 'tokenizer.json', max_tokens=20)


def test_a_video_opens_at_the_size_of_the_encoder(encoder):
  assert encoder.open_video(DEMO_CLIP).resize == Resize(size=16)


def test_it_grounds_nothing_by_itself(folder, capsys):
  from vtg_jax import cli

  assert registry.load(folder).system == 'clip'
  assert cli.main(['ground', str(DEMO_CLIP), 'x', '--model', str(folder)]) == 2
  said = capsys.readouterr().err
  assert "of the system 'clip', which cannot find moments" in said
