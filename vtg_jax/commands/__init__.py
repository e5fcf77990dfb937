"""The verbs of `vtg`, one a function; heavy imports inside them."""
