"""TFDS builders over videos that the user has; they need the extra `tfds`.

    from input_pipeline.tfds.charades_sta import charades_sta_dataset_builder
    builder = charades_sta_dataset_builder.Builder(data_dir='/data/tfds')
    builder.download_and_prepare()
    source = builder.as_data_source('train')     # a source for Grain

No TensorFlow is needed: records are ArrayRecord.
"""
