"""TimeChat, and Seq2Time on top of it."""
