"""What a place of a row shows, told without loading jax.

From 0 up it is the soft token of that number.
"""

WORD, NOTHING = -1, -2
