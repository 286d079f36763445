"""Experiments: every job's parameters and metrics in MLflow, one MLflow server per account."""
