"""Measurements, each a ratio within one run; table.py puts them in the README.

A benchmark is a module with two functions:

    measure() -> dict                    runs it; plain JSON types
    rows(result) -> [(what, measured, target), ...]   lines of the table

and, where it needs a special machine, `can_run() -> bool`.
"""
