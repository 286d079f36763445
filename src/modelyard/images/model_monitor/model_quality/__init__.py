"""The model quality monitor: what a model's answers are worth, measured on labels that came later."""
