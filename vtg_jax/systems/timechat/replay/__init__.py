"""Replays what the released TimeChat computes through our modules."""
