"""ReVisionLLM (arXiv 2411.14901): its stages."""
