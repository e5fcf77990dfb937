"""Charades-STA as a TFDS data set, over videos that the user has."""

import logging

import tensorflow_datasets as tfds

from input_pipeline import hawkeye_samples
from input_pipeline.tfds import grounded_videos

FILES = {'train': 'charades_sta_train.txt', 'test': 'charades_sta_test.txt'}


class Builder(tfds.core.GeneratorBasedBuilder):
  """Sentences with start and end in videos of people at home.

  Source: Gao et al., TALL (ICCV 2017); videos of Sigurdsson et al., Charades.
  """

  VERSION = tfds.core.Version('1.0.0')
  BUILDER_CONFIGS = grounded_videos.CONFIGS
  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  Into the manual folder: charades_sta_train.txt, charades_sta_test.txt, and the
  videos in videos/.
  """

  def __init__(self, *, file_format='array_record', **kwargs):
    super().__init__(file_format=file_format, **kwargs)

  def _info(self) -> tfds.core.DatasetInfo:
    return self.dataset_info_from_configs(
      features=grounded_videos.features(self.builder_config),
      homepage='https://github.com/jiyanggao/TALL',
    )

  def _split_generators(self, dl_manager: tfds.download.DownloadManager):
    folder = dl_manager.manual_dir
    return {
      split: self._generate_examples(folder, folder / name)
      for split, name in FILES.items()
      if (folder / name).exists()
    }

  def _generate_examples(self, folder, annotations):
    sentences = hawkeye_samples.charades_sentences(annotations.read_text())
    yield from grounded_videos.records(
      sentences, folder / 'videos', self.builder_config, logging.warning
    )
