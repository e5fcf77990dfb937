"""ActivityNet-Captions as a TFDS data set, over videos that the user has."""

import json
import logging

import tensorflow_datasets as tfds

from input_pipeline import hawkeye_samples
from input_pipeline.tfds import grounded_videos

FILES = {'train': 'train.json', 'val_1': 'val_1.json', 'val_2': 'val_2.json'}


class Builder(tfds.core.GeneratorBasedBuilder):
  """Several sentences with start and end in each of 20,000 videos.

  Source: Krishna et al., Dense-Captioning Events in Videos (ICCV 2017).
  """

  VERSION = tfds.core.Version('1.0.0')
  BUILDER_CONFIGS = grounded_videos.CONFIGS
  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  Into the manual folder: train.json, val_1.json, val_2.json, and in videos/ the
  videos, or folders of their frames at 3 a second.
  """

  def __init__(self, *, file_format='array_record', **kwargs):
    super().__init__(file_format=file_format, **kwargs)

  def _info(self) -> tfds.core.DatasetInfo:
    return self.dataset_info_from_configs(
      features=grounded_videos.features(self.builder_config),
      homepage='https://cs.stanford.edu/people/ranjaykrishna/densevid/',
    )

  def _split_generators(self, dl_manager: tfds.download.DownloadManager):
    folder = dl_manager.manual_dir
    return {
      split: self._generate_examples(folder, folder / name)
      for split, name in FILES.items()
      if (folder / name).exists()
    }

  def _generate_examples(self, folder, annotations):
    sentences = hawkeye_samples.activitynet_sentences(
      json.loads(annotations.read_text())
    )
    yield from grounded_videos.records(
      sentences, folder / 'videos', self.builder_config, logging.warning
    )
