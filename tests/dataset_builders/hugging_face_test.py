"""Tiny random CLIP and BLIP-2 models, saved and loaded as released ones are."""

import numpy as np
import pytest
from PIL import Image

from vtg_jax.errors import BadInput

torch = pytest.importorskip('torch')
transformers = pytest.importorskip('transformers')
pytestmark = pytest.mark.torch

from vtg_jax.dataset_builders.hugging_face import (  # noqa: E402
  HuggingFaceCaptioner,
  HuggingFaceEmbedder,
)

WORDS = ['<pad>', '<s>', '</s>', '<unk>', 'a', 'red', 'wall', 'green', 'dog']
TOWER = {
  'hidden_size': 16,
  'intermediate_size': 16,
  'num_hidden_layers': 1,
  'num_attention_heads': 2,
}
PIXELS = {'image_size': 32, 'patch_size': 8}


def tokenizer():
  from tokenizers import Tokenizer, models, pre_tokenizers

  words = {word: i for i, word in enumerate(WORDS)}
  inner = Tokenizer(models.WordLevel(words, unk_token='<unk>'))
  inner.pre_tokenizer = pre_tokenizers.Whitespace()
  return transformers.PreTrainedTokenizerFast(
    tokenizer_object=inner,
    unk_token='<unk>',
    pad_token='<pad>',
    bos_token='<s>',
    eos_token='</s>',
    model_max_length=8,
  )


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
  torch.manual_seed(0)
  folder = tmp_path_factory.mktemp('clip')
  ids = {'bos_token_id': 1, 'eos_token_id': 2, 'pad_token_id': 0}
  text = {'vocab_size': 16, 'max_position_embeddings': 8, **ids}
  config = transformers.CLIPConfig(
    text_config={**TOWER, **text},
    vision_config={**TOWER, **PIXELS},
    projection_dim=8,
  )
  transformers.CLIPModel(config).save_pretrained(folder)
  pictures = transformers.CLIPImageProcessor(
    size={'shortest_edge': 32}, crop_size={'height': 32, 'width': 32}
  )
  transformers.CLIPProcessor(pictures, tokenizer()).save_pretrained(folder)
  return folder


def save_blip2(folder, text_config, *, n_queries=4):
  """BLIP-2 with four queries, whose image token follows the words."""
  torch.manual_seed(0)
  config = transformers.Blip2Config(
    vision_config={**TOWER, **PIXELS},
    qformer_config={**TOWER, 'encoder_hidden_size': 16, 'vocab_size': 16},
    text_config={'vocab_size': 16, **text_config},
    num_query_tokens=4,
    image_token_index=len(WORDS),
  )
  transformers.Blip2ForConditionalGeneration(config).save_pretrained(folder)
  pictures = transformers.BlipImageProcessor(size={'height': 32, 'width': 32})
  transformers.Blip2Processor(
    pictures, tokenizer(), num_query_tokens=n_queries
  ).save_pretrained(folder)


T5 = {
  'model_type': 't5',
  'd_model': 16,
  'd_kv': 8,
  'd_ff': 16,
  'num_layers': 1,
  'num_heads': 2,
  'decoder_start_token_id': 0,
  'pad_token_id': 0,
  'bos_token_id': 1,
  'eos_token_id': 2,
}
OPT = {
  'model_type': 'opt',
  'hidden_size': 16,
  'ffn_dim': 16,
  'num_hidden_layers': 1,
  'num_attention_heads': 2,
  'word_embed_proj_dim': 16,
  'max_position_embeddings': 64,
  'pad_token_id': 0,
  'bos_token_id': 1,
  'eos_token_id': 2,
}


@pytest.fixture(scope='module')
def blip2(tmp_path_factory):
  folder = tmp_path_factory.mktemp('blip2')
  save_blip2(folder, T5)
  return folder


def images(n):
  rng = np.random.default_rng(0)
  return [
    rng.integers(0, 256, (40, 50 + 4 * i, 3)).astype(np.uint8) for i in range(n)
  ]


def test_vectors_are_those_that_clip_compares(clip):
  embedder = HuggingFaceEmbedder(str(clip))
  texts = ['a red wall', 'dog']
  model = transformers.CLIPModel.from_pretrained(clip).eval()
  processor = transformers.AutoProcessor.from_pretrained(clip)
  given = processor(
    text=texts,
    images=[Image.fromarray(image) for image in images(3)],
    padding=True,
    return_tensors='pt',
  )
  with torch.no_grad():
    want = model(**given).logits_per_image / model.logit_scale.exp()
  of_images = embedder.embed_images(images(3))
  of_texts = embedder.embed_texts(texts)
  assert of_images.shape == (3, 8) and of_texts.shape == (2, 8)
  got = (of_images / np.linalg.norm(of_images, axis=1)[:, None]) @ (
    of_texts / np.linalg.norm(of_texts, axis=1)[:, None]
  ).T
  np.testing.assert_allclose(got, want, atol=1e-5)


def test_long_texts_are_cut(clip):
  (vector,) = HuggingFaceEmbedder(str(clip)).embed_texts(['a dog ' * 50])
  assert np.isfinite(vector).all()


def test_blip2_says_what_it_would_say_one_by_one(blip2):
  captioner = HuggingFaceCaptioner(
    str(blip2), prompt='a red wall', max_new_tokens=5
  )
  model = transformers.Blip2ForConditionalGeneration.from_pretrained(blip2)
  processor = transformers.Blip2Processor.from_pretrained(blip2)
  want = []
  for image in images(3):
    given = processor(
      images=Image.fromarray(image), text='a red wall', return_tensors='pt'
    )
    tokens = model.generate(**given, max_new_tokens=5)
    want += processor.batch_decode(tokens, skip_special_tokens=True)
  assert captioner.caption_images(images(3)) == [text.strip() for text in want]
  assert captioner.name == f"{blip2}, 'a red wall', 5 tokens"


def test_captions_do_not_repeat_the_prompt(tmp_path):
  save_blip2(tmp_path, OPT)
  captioner = HuggingFaceCaptioner(
    str(tmp_path), prompt='a red wall', max_new_tokens=3
  )
  texts = captioner.caption_images(images(2))
  assert all(len(text.split()) <= 3 for text in texts)


def test_a_processor_that_knows_no_queries_still_shows_the_image(
  blip2, tmp_path
):
  save_blip2(tmp_path, T5, n_queries=None)
  old, new = (
    HuggingFaceCaptioner(str(folder), prompt='a dog', max_new_tokens=5)
    for folder in (tmp_path, blip2)
  )
  assert old.caption_images(images(2)) == new.caption_images(images(2))


def test_pickled_weights_are_refused(clip, tmp_path):
  for file in clip.iterdir():
    if file.suffix != '.safetensors':
      (tmp_path / file.name).write_bytes(file.read_bytes())
  model = transformers.CLIPModel.from_pretrained(clip)
  torch.save(model.state_dict(), tmp_path / 'pytorch_model.bin')
  with pytest.raises(BadInput, match='safetensors'):
    HuggingFaceEmbedder(str(tmp_path))


def test_nothing_is_fetched_unasked(monkeypatch, clip, blip2):
  import socket

  import huggingface_hub

  # Else it would be the tests' own setting that holds it back.
  monkeypatch.setattr(huggingface_hub.constants, 'HF_HUB_OFFLINE', False)
  reached = []

  def refuse(*address, **_):
    reached.append(address)
    raise OSError('no network in tests')

  monkeypatch.setattr(socket, 'getaddrinfo', refuse)
  monkeypatch.setattr(socket.socket, 'connect', refuse)
  with pytest.raises(BadInput, match='allow the download'):
    HuggingFaceEmbedder('nobody/no-such-model')
  HuggingFaceEmbedder(str(clip))
  HuggingFaceCaptioner(str(blip2))
  assert not reached
  with pytest.raises(BadInput, match='cannot be loaded'):
    HuggingFaceEmbedder('nobody/no-such-model', download=True)
  assert reached


def test_models_of_another_kind_are_bad_input(clip, tmp_path):
  with pytest.raises(BadInput, match='cannot be loaded'):
    HuggingFaceCaptioner(str(clip))
  with pytest.raises(BadInput, match='cannot be loaded'):
    HuggingFaceEmbedder(str(tmp_path))
