"""Captioned images on disk, in every form that captions come in."""

import json
import pickle

import numpy as np
import pytest
from PIL import Image

from input_pipeline.sequences.image_sequences import (
  ImageSequenceFiles,
  ImageSequenceRule,
  open_image_sequences,
)
from input_pipeline.sequences.image_sets import CaptionedImages, open_images
from vtg_jax.errors import BadInput

CAPTIONS = {'a.jpg': 'A red one.', 'in/b.png': 'Ein grünes.', 'c.jpg': 'Blue.'}
COLOURS = {
  'a.jpg': (220, 10, 10), 'in/b.png': (10, 220, 10), 'c.jpg': (10, 10, 220)
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
  (tmp_path / 'in').mkdir()
  for name, colour in COLOURS.items():
    image = np.full((30, 50, 3), colour, np.uint8)
    Image.fromarray(image).save(tmp_path / name)
  return tmp_path


def conversation(name):
  return {
    'id': name,
    'image': name,
    'conversations': [
      {'from': 'human', 'value': '<image>\nDescribe it.'},
      {'from': 'gpt', 'value': CAPTIONS[name]},
    ],
    'data_source': 'blip558k',
  }


FORMS = {
  'a.txt': '\n'.join(f'{name}\t{said}' for name, said in CAPTIONS.items()),
  'object.json': json.dumps(CAPTIONS),
  'list.json': json.dumps(
    [{'image': name, 'caption': said} for name, said in CAPTIONS.items()]
  ),
  'lines.jsonl': '\n'.join(
    json.dumps({'image': name, 'caption': said})
    for name, said in CAPTIONS.items()
  ),
  'coco.json': json.dumps(
    {
      'info': {},
      'images': [{'id': i, 'file_name': n} for i, n in enumerate(CAPTIONS)],
      'annotations': [
        {'id': 9, 'image_id': i, 'caption': said}
        for i, name in enumerate(CAPTIONS)
        for said in (CAPTIONS[name], 'Another one.')
      ],
    }
  ),
  'recap.json': json.dumps([conversation(name) for name in CAPTIONS]),
  'recap.jsonl': '\n'.join(json.dumps(conversation(n)) for n in CAPTIONS),
}


@pytest.mark.parametrize('form', FORMS)
def test_every_form_names_the_same_images(folder, form):
  (folder / form).write_text(FORMS[form], encoding='utf-8')
  images = open_images(
    CaptionedImages(images=str(folder), captions=str(folder / form))
  )
  sent = pickle.loads(pickle.dumps(images))
  for i, (name, said) in enumerate(CAPTIONS.items()):
    assert sent.caption(i) == images.caption(i) == said
    image = images.image(i, 16)
    assert image.shape == (16, 16, 3)
    np.testing.assert_allclose(image[8, 8], COLOURS[name], atol=6)
  assert len(images) == len(CAPTIONS)


def test_texts_beside_the_images(folder):
  for name in ('a.jpg', 'in/b.png'):  # c.jpg has none
    path = (folder / name).with_suffix('.txt')
    path.write_text(CAPTIONS[name], encoding='utf-8')
  images = open_images(CaptionedImages(images=str(folder), name='mine'))
  assert (len(images), images.name) == (2, 'mine')
  assert [images.caption(i) for i in range(2)] == ['A red one.', 'Ein grünes.']
  assert images.image(1, 4)[2, 2].tolist() == [10, 220, 10]


@pytest.mark.parametrize(
  ('name', 'content', 'said'),
  [
    ('a.txt', 'a.jpg A red one.', 'has no tab'),
    ('a.txt', '', 'holds no captioned image'),
    ('a.json', '[{"image": "a.jpg"}]', 'item 0: .* no image with a caption'),
    ('a.json', '{"a.jpg": 7}', 'no image with a caption'),
    ('a.json', '[NaN, 3, null]', 'item 0: nan names no image with a caption'),
    ('a.json', '7', 'no JSON list'),
    (
      'a.json',
      '{"images": [], "annotations": [{"image_id": 1}]}',
      'no file of COCO captions',
    ),
    ('a.jsonl', '{"image": 3, "caption": "x"}', 'no image with a caption'),
  ],
)
def test_files_of_another_form_are_refused(folder, name, content, said):
  (folder / name).write_text(content)
  with pytest.raises(BadInput, match=said):
    open_images(
      CaptionedImages(images=str(folder), captions=str(folder / name))
    )


def test_what_is_not_there_is_named(folder):
  with pytest.raises(BadInput, match='there is no folder'):
    open_images(CaptionedImages(images=str(folder / 'none')))
  with pytest.raises(BadInput, match='holds no captioned image'):
    open_images(CaptionedImages(images=str(folder)))
  with pytest.raises(BadInput, match='cannot be read'):
    open_images(
      CaptionedImages(images=str(folder), captions=str(folder / 'b.json'))
    )


def test_sequences_leave_bad_files_out(folder):
  captions = dict(CAPTIONS)
  for i in range(8):
    name = f'{i}.jpg'
    Image.fromarray(np.full((9, 9, 3), 20 * i, np.uint8)).save(folder / name)
    captions[name] = f'Number {i}.'
  (folder / '3.jpg').write_bytes(b'torn')
  captions |= {'../out.jpg': 'It leads out.'}
  (folder / 'a.json').write_text(json.dumps(captions))
  images = CaptionedImages(images=str(folder), captions=str(folder / 'a.json'))
  source = open_image_sequences(
    ImageSequenceFiles(
      images=(images,),
      rule=ImageSequenceRule(n_iig=0, n_iic=6, n_alr=0, n_images=10),
    ),
    size=8,
  )
  messages = []
  for i in range(6):
    lesson = source.lesson(i)
    assert lesson.video.get([0]).shape == (1, 8, 8, 3)
    assert 'Number 3.' not in [turn.events[0].caption for turn in lesson.turns]
    messages += [fault.message for fault in lesson.faults]
  assert any('3.jpg cannot be read' in message for message in messages)
  assert any('leads out of its folder' in message for message in messages)
