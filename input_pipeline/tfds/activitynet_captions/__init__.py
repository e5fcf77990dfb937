"""ActivityNet-Captions."""
