"""Benchmarks: `python -m bench`. One module per bench, each with a `run(options) -> Report`."""
