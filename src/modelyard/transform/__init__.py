"""Batch transform: jobs that put whole files through a model."""
