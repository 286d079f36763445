"""The data quality monitor: what the data is like, and where it left its baseline."""
