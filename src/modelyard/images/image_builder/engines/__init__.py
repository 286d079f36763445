"""The engines that images are built and pulled by, each called by its command line."""

from __future__ import annotations

from collections.abc import Mapping

from modelyard.images.image_builder.engines._base import BuildError, Engine, remove, say
from modelyard.images.image_builder.engines.buildah import Buildah
from modelyard.images.image_builder.engines.podman import Podman

ENGINES: Mapping[str, type[Engine]] = {engine.program: engine for engine in (Buildah, Podman)}

__all__ = ["ENGINES", "BuildError", "Engine", "remove", "say"]
