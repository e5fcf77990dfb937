"""What each part of a small model is good for: trained without it, and scored.

    python -m ablations grounded_videollm

trains every arm of `ablations/grounded_videollm.py`, or what is left of it,
scores it, and writes the table in docs/grounded_videollm_small/ablations.md.
"""
