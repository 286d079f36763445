"""Filling a card in: what the platform knows of a model, and what only a person can write."""
