"""Logs: what jobs and endpoints said, as CloudWatch Logs' clients read it."""
