"""Plain Python: an image without a program of its own, for scripts that need no framework."""

from __future__ import annotations

from modelyard.compute.images.built_in import BuiltIn

#: AWS has no such image, so it is `modelyard/python:3`: the Python that the server runs on.
PYTHON = BuiltIn(
    "python",
    tags={"3": "3"},
    purposes=("train", "serve", "process"),
    scripts=True,
)
