"""Grounded-VideoLLM (arXiv 2410.03290): a small one of ours, in stages."""
