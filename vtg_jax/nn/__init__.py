"""Building blocks every encoder, adapter and decoder is made of."""
