"""The image's entry point: `python -m modelyard.images.knn train` or `serve`."""

from __future__ import annotations

import sys

from modelyard.images.knn.training import train
from modelyard.images.training import program


def serve() -> None:
    """Serve the model."""
    from modelyard.images.knn.model import load
    from modelyard.images.serving import serve

    serve(load)


if __name__ == "__main__":
    program.main(sys.argv[1:], train, serve)
