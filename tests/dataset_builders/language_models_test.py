"""A server on this machine, and a tiny random causal model."""

import http.server
import json
import threading

import pytest

from vtg_jax.dataset_builders.language_models import (
  HuggingFaceLanguageModel,
  ServedLanguageModel,
)
from vtg_jax.errors import BadInput


class Parrot(http.server.BaseHTTPRequestHandler):
  """Answers with what it was asked, or badly where the model is 'bad'."""

  def do_POST(self):
    asked = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
    said = json.dumps([self.path, asked])
    reply = {'choices': [{'message': {'content': said}}]}
    if asked['model'] == 'bad':
      reply = {}
    self.send_response(404 if asked['model'] == 'none' else 200)
    self.end_headers()
    self.wfile.write(json.dumps(reply).encode())

  def log_message(self, *_):
    pass


@pytest.fixture
def url():
  server = http.server.HTTPServer(('127.0.0.1', 0), Parrot)
  thread = threading.Thread(target=server.serve_forever)
  thread.start()
  yield f'http://127.0.0.1:{server.server_port}/v1/'
  server.shutdown()
  thread.join()
  server.server_close()


def test_a_server_is_asked_by_its_protocol(url):
  model = ServedLanguageModel(url, 'm')
  sure, drawn = (
    json.loads(model.complete(['Who?'], seed=3, draw=draw)[0])
    for draw in (False, True)
  )
  path, asked = sure
  assert path == '/v1/chat/completions'
  assert asked['messages'] == [{'role': 'user', 'content': 'Who?'}]
  assert (asked['model'], asked['seed'], asked['temperature']) == ('m', 3, 0)
  assert drawn[1]['temperature'] > 0


@pytest.mark.parametrize(
  ('model', 'message'),
  [('bad', 'without choices'), ('none', 'Not Found'), (None, 'which one')],
)
def test_a_server_that_answers_otherwise_is_bad_input(url, model, message):
  with pytest.raises(BadInput, match=message):
    ServedLanguageModel(url, model).complete(['Who?'], seed=0, draw=False)


@pytest.mark.torch
def test_a_causal_model_goes_on_after_a_prompt(tmp_path):
  transformers = pytest.importorskip('transformers')
  from tests.dataset_builders.hugging_face_test import tokenizer

  config = transformers.LlamaConfig(
    vocab_size=16, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
    num_attention_heads=2, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    max_position_embeddings=512,
  )  # fmt: skip
  transformers.LlamaForCausalLM(config).save_pretrained(tmp_path)
  tokenizer().save_pretrained(tmp_path)
  model = HuggingFaceLanguageModel(str(tmp_path), device='cpu')
  prompts = ['a red dog', 'a green wall']
  sure = model.complete(prompts, seed=0, draw=False)
  assert model.complete(prompts[1:], seed=1, draw=False) == sure[1:]
  drawn = model.complete(prompts, seed=5, draw=True)
  assert model.complete(prompts, seed=5, draw=True) == drawn
  assert len(drawn) == 2
