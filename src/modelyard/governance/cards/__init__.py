"""Model cards: what a model is, what it is for, how it was made and how well it does."""
