"""A golden folder replayed through our modules: its arrays and its cases."""
