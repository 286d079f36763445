"""Durable workflows: what takes longer than a request. The one room that knows DBOS."""
