"""Models that dataset builders use and we do not train; PyTorch, an extra."""
