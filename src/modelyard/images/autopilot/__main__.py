"""The image's entry point: `python -m modelyard.images.autopilot train` or `serve`."""

from __future__ import annotations

import sys

from modelyard.images.autopilot.training import train
from modelyard.images.training import program


def serve() -> None:
    """Serve a candidate."""
    from modelyard.images.autopilot.scoring import load
    from modelyard.images.serving import serve

    serve(load)


if __name__ == "__main__":
    program.main(sys.argv[1:], train, serve)
