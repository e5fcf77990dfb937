"""From logits to tokens and to the probabilities of answers."""
