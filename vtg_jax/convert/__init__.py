"""PyTorch checkpoints to ours and back: readers, one engine, tables as data."""
