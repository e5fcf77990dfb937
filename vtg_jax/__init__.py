"""Video temporal grounding: when does it happen, how sure, or not at all."""
