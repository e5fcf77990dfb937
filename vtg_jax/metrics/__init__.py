"""Benchmarks' own scores, from plain numbers and texts: no model in here."""
