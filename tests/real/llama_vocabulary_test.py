"""Llama-2's vocabulary of 32,000 pieces, as Vicuna under HawkEye has it.

The sdist of llama-cpp-python (77 MB) comes from the package index into
`out/real`, and three small files of it are kept there, never committed: the
vocabulary as GGUF, texts, and the ids that meta-llama/Llama-2-7b-hf gave them.
The GGUF's pieces and scores are written back as a `tokenizer.model`, and read
by our own tokenizer.

Two references: the recorded ids; and transformers' reading of the same GGUF.
The behaviour wanted is the slow tokenizer's legacy one, with which the
released systems were made: a dummy space before every text, whether or not it
starts with a space, and again behind a control token. transformers 5 reads any
such GGUF the newer way, without the dummy space where the text begins with one
or goes on behind a control token, so its normaliser is put back to the legacy
one; vocabulary and merges stay as it read them, and the recorded ids hold it.
"""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vtg_jax.llm.tokenizers import SentencePieceTokenizer
from vtg_jax.moments import coarse
from vtg_jax.systems.hawkeye import config, prompt

pytestmark = [pytest.mark.real, pytest.mark.torch]

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get('VTG_REAL_CACHE', ROOT / 'out' / 'real'))
PACKAGE = 'llama-cpp-python'
VERSION = '0.3.36'
GGUF = 'ggml-vocab-llama-spm.gguf'
TEXTS, IDS = f'{GGUF}.inp', f'{GGUF}.out'
BETWEEN_TEXTS = '\n__ggml_vocab_test__\n'

QUERIES = (
  'a man opens the refrigerator',
  'Person puts their shoes on, then leaves -- at 12:05?',
  ' two  spaces, and one behind ',
  'une fille mange une crêpe 🥞 à l’école',
  '一个人打开门 / человек открывает дверь / ドアを開ける',
  'she scores ### 3 points (#7) <s>fast</s>',
)
TIMES_S = (
  (),
  (0.44, 1.0),
  (-0.0, -3.25, 1e5 / 3, 596.47),
  tuple(i * 7.5 + 0.3125 for i in range(12)),
)
PROMPTS = tuple(
  prompt.grounding_prompt(query, order, times_s)
  for query, order in zip(
    QUERIES, (coarse.CATEGORIES, coarse.SHUFFLE_BASE) * 3, strict=True
  )
  for times_s in TIMES_S
)
ODD_TEXTS = (
  '',
  ' ',
  '     ',
  'a  b   c    d',
  '  leading and trailing  ',
  '\n',
  '\n\n\n a\n  b\r\n\tc\t\t',
  '0 1 12 123 1234567890 3.14 -0.0 1e-5 ½ ² ٣',
  'e\u0301 é ﬁ Å \u00a0 \u3000 \u200d \ufeff x',  # identity, no NFKC
  '\x00\x01\x7f',
  '👩\u200d👩\u200d👧 🇳🇱 𓀀 \U0010ffff',
  'ភាសាខ្មែរ नमस्ते עברית العربية 한국어 日本語',
  '▁ <0x0A> </ s> <pad>',
  '<s>a</s> b<unk>c</s></s>',
  '# ## ### #### a### a ###',
)
WORDS = st.sampled_from(
  (' ', '  ', '\n', '\t', '###', '12.5', '(A) ', 'At the end.', 'é', '你', '🙂')
  + ('<s>', '</s>', '<unk>', '▁', 'the', 'cat', 'Ing')
)
ANY_TEXT = st.text(max_size=30) | st.lists(WORDS, max_size=12).map(''.join)


@pytest.fixture(scope='module')
def released():
  """The folder that holds the released files, fetched once."""
  names = (GGUF, TEXTS, IDS)
  CACHE.mkdir(parents=True, exist_ok=True)
  if not all((CACHE / name).is_file() for name in names):
    pip = [sys.executable, '-m', 'pip', 'download', '--no-deps', '-q']
    pip += ['--no-binary', PACKAGE, '-d', str(CACHE)]
    subprocess.run([*pip, f'{PACKAGE}=={VERSION}'], check=True)
    top = f'llama_cpp_python-{VERSION}'
    sdist = CACHE / f'{top}.tar.gz'
    with tarfile.open(sdist) as archive:
      for name in names:
        member = f'{top}/vendor/llama.cpp/models/{name}'
        (CACHE / name).write_bytes(archive.extractfile(member).read())
    sdist.unlink()
  return CACHE


@pytest.fixture(scope='module')
def ours(released, tmp_path_factory):
  """Our tokenizer on a `tokenizer.model` written from the GGUF."""
  import gguf
  from sentencepiece import sentencepiece_model_pb2

  fields = gguf.GGUFReader(released / GGUF).fields
  told = {
    name: fields[f'tokenizer.ggml.{name}'].contents()
    for name in ('tokens', 'scores', 'token_type')
  }
  proto = sentencepiece_model_pb2.ModelProto()
  # GGUF numbers the kinds of pieces as SentencePiece does.
  for piece, score, kind in zip(*told.values(), strict=True):
    proto.pieces.add(piece=piece, score=score, type=kind)
  trainer = proto.trainer_spec
  trainer.model_type = sentencepiece_model_pb2.TrainerSpec.BPE
  trainer.vocab_size = len(proto.pieces)
  trainer.byte_fallback = True
  trainer.unk_id, trainer.bos_id, trainer.eos_id = 0, 1, 2
  trainer.pad_id = -1
  normalizer = proto.normalizer_spec
  normalizer.name = 'identity'
  normalizer.add_dummy_prefix = True
  normalizer.remove_extra_whitespaces = False
  normalizer.escape_whitespaces = True
  path = tmp_path_factory.mktemp('vocabulary') / 'tokenizer.model'
  path.write_bytes(proto.SerializeToString())
  return SentencePieceTokenizer(path)


@pytest.fixture(scope='module')
def legacy(released):
  """text -> ids by transformers, with the legacy handling of spaces."""
  import transformers
  from tokenizers import normalizers

  tokenizer = transformers.AutoTokenizer.from_pretrained(
    released, gguf_file=GGUF
  )
  backend = tokenizer.backend_tokenizer
  backend.pre_tokenizer = None
  backend.normalizer = normalizers.Sequence(
    [normalizers.Prepend('▁'), normalizers.Replace(' ', '▁')]
  )
  return lambda text: tokenizer.encode(text, add_special_tokens=False)


@pytest.fixture(scope='module')
def recorded(released):
  """(text, ids that the released tokenizer gave it), in the file's order."""
  # read_text would turn every kind of line break into one.
  texts = (released / TEXTS).read_bytes().decode().split(BETWEEN_TEXTS)
  lines = (released / IDS).read_text().split('\n')
  ids = [[int(i) for i in line.split()] for line in lines]
  return list(zip(texts, ids, strict=True))


def test_the_vocabulary_is_llama_2s(ours):
  assert ours.vocab_size == 32_000
  assert (ours.bos_id, ours.eos_id) == (prompt.BOS_ID, 2)


def test_recorded_texts_get_the_recorded_ids(ours, recorded):
  assert len(recorded) > 40
  for text, ids in recorded:
    assert ours.encode(text) == ids, text


def test_the_reference_gives_the_recorded_ids(legacy, recorded):
  for text, ids in recorded:
    assert legacy(text) == ids, text


@pytest.mark.parametrize('text', PROMPTS)
def test_prompts_are_tokenised_as_by_transformers(ours, legacy, text):
  # Whole, and in the two parts around the video.
  for part in (text, *text.split(prompt.GROUNDING.video_slot)):
    assert ours.encode(part) == legacy(part)


@pytest.mark.parametrize('text', ODD_TEXTS)
def test_odd_texts_are_tokenised_as_by_transformers(ours, legacy, text):
  assert ours.encode(text) == legacy(text)


@settings(max_examples=500, deadline=None)
@given(text=ANY_TEXT)
def test_any_text_is_tokenised_as_by_transformers(ours, legacy, text):
  assert ours.encode(text) == legacy(text)


def test_texts_without_control_tokens_come_back(ours, recorded):
  for text in (*(text for text, _ in recorded), *PROMPTS):
    if '<s>' not in text:
      assert ours.decode(ours.encode(text)) == text


def test_the_separators_two_encodings_are_the_released_stop_ids(ours):
  alone = ours.encode(prompt.SEPARATOR)
  behind_text = ours.encode_continuation('At the end.', prompt.SEPARATOR)
  assert (alone, behind_text) == ([835], [2277, 29937])
  assert (tuple(alone), tuple(behind_text)) == config.RELEASED_STOP_IDS
  for ids in config.RELEASED_STOP_IDS:
    assert ours.decode(ids) == prompt.SEPARATOR
