"""Serving a model under the public hosting contract, for images with a `serve` program."""

from modelyard.images.serving._base import Answer, Refused, Scorer
from modelyard.images.serving.server import serve

__all__ = ["Answer", "Refused", "Scorer", "serve"]
