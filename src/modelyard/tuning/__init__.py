"""Tuning: many training jobs, each with other hyperparameters, in search of the best ones."""
