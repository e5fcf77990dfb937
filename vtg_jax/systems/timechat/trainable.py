"""What learns when TimeChat is trained."""

# What TimeChat trains; image encoder, its norm and language model are frozen.
RELEASED_TRAINABLE = (
  r'.*/lora_[ab]',
  r'qformer/.*',
  r'video_qformer/.*',
  r'projector/.*',
)
