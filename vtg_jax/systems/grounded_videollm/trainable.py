"""What learns when Grounded-VideoLLM is trained."""

# What the paper trains, in its first stage and afterwards; the encoders and
# the learned rows between the streams are always frozen.
PROJECTORS = (r'two_stream/(image|video)_projector/.*',)
TUNED = (*PROJECTORS, r'llm/embed/.*', r'llm/lm_head/.*', r'.*/lora_[ab]')
