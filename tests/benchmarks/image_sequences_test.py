"""The pieces of the benchmark of image sequences; it is not run here."""

import pickle

import numpy as np

from benchmarks import image_sequences
from input_pipeline.sequences.image_sequences import (
  ImageSequenceFiles,
  ImageSequenceRule,
  open_image_sequences,
)
from input_pipeline.sequences.image_sets import CaptionedImages


def test_a_sample_is_a_sequence_of_the_written_images(tmp_path):
  paths = image_sequences.write_images(tmp_path, 5)
  image_sequences.drop_from_memory(paths)
  source = open_image_sequences(
    ImageSequenceFiles(
      images=(
        CaptionedImages(
          images=str(tmp_path), captions=str(tmp_path / 'captions.json')
        ),
      ),
      rule=ImageSequenceRule(n_images=4),
    ),
    size=16,
  )
  sampler = pickle.loads(pickle.dumps(image_sequences.Sampler(source=source)))
  sample = sampler(0, 3, np.random.default_rng(0))
  assert sample['frames'].shape == (4, 16, 16, 3) and not sample['faults']
  assert len({frame.tobytes() for frame in sample['frames']}) == 4


def test_rows_say_what_was_measured():
  rows = image_sequences.rows(
    {
      'n_images': 96,
      'n_workers': 2,
      'wanted_per_s': 0.5,
      'stream_s': 60.0,
      'wait_share': 0.001,
      'sequences_per_s_0': 1.0,
      'sequences_per_s_2': 2.0,
      'file_kb': 64.0,
      'read_ms_dropped': 3.0,
      'read_ms_kept': 0.25,
    }
  )
  assert [row[1] for row in rows] == ['0.10%', '2.00, 4.00', '3.00 ms, 0.25 ms']
