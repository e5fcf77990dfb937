"""Features to tokens as wide as the language model's."""
