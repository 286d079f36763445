"""Monitoring: what looks by the clock whether data and answers are as they were."""
