"""A golden folder replayed, whatever the system: values held together."""
