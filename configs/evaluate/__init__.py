"""Benchmarks that `vtg evaluate` knows by name."""
