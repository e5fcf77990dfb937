"""Searches over a video that know nothing of the model that answers them."""
