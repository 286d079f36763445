"""Metrics over time, asked for as CloudWatch's: what monitors measured, and what users put."""
