"""Benchmarks end to end: annotations and videos in, scores out."""
