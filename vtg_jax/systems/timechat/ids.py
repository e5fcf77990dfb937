"""Numbers in rows of tokens that stand for none, told without loading jax."""

# Label that does not count, and what short rows are filled with.
IGNORE, PAD_ID = -100, 0
