"""The decoder, its cache, and the tokenizers it was trained with."""
