"""Ways to start `vtg train` on every machine that takes part in a run."""
