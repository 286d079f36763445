"""The model quality monitor: what a model's answers are worth, by labels that came later."""
