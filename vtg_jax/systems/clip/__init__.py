"""CLIP: what other systems look at frames and read sentences with."""
