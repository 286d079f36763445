"""Training: jobs that make models."""
