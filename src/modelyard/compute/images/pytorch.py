"""PyTorch, where it is installed: an image without a program of its own, for users' scripts.

AWS has one repository to train in and one to serve from, and a tag for each version, processor and
Python: `2.6.0-cpu-py312-ubuntu22.04-sagemaker`. All mean the PyTorch that is installed beside the
server, which Modelyard itself does not bring along.
"""

from __future__ import annotations

import importlib.util
import re

from modelyard.compute.images._base import Family, Image, Purpose, Reference, UnknownImageError
from modelyard.compute.images.built_in import script_mode
from modelyard.compute.images.registries import accounts_of, registries_of, registry

_REGISTRIES = "deep-learning"
_TRAINING, _INFERENCE = "pytorch-training", "pytorch-inference"
#: The versions that have a repository of this name, and the Python of each.
_PYTHONS = {
    **dict.fromkeys(("1.8.0", "1.8.1"), "py36"),
    **dict.fromkeys(("1.9.0", "1.9.1", "1.10.0", "1.10.2", "1.11.0", "1.12.0", "1.12.1"), "py38"),
    "1.13.1": "py39",
    **dict.fromkeys(("2.0.0", "2.0.1", "2.1.0", "2.2.0"), "py310"),
    **dict.fromkeys(("2.3.0", "2.4.0", "2.5.1"), "py311"),
    **dict.fromkeys(("2.6.0", "2.7.1", "2.8.0"), "py312"),
    "2.9.0": "py312",
    "2.10.0": "py313",
}
_TAG = re.compile(r"(?P<version>[0-9]+\.[0-9]+(?:\.[0-9]+)?)-(?:cpu|gpu)(?:-[a-z0-9.]+)*")


class PyTorch(Family):
    name = "pytorch"
    purposes: tuple[Purpose, ...] = ("train", "serve", "process")

    def find(self, reference: Reference) -> Image | None:
        version = self._version(reference)
        if version is None:
            return None
        if importlib.util.find_spec("torch") is None:
            raise UnknownImageError(
                "The image pytorch needs torch, which Modelyard does not bring along: install it "
                "beside the server (pip install torch)"
            )
        return Image(
            name=self.name,
            version=version,
            entrypoint=(),
            purposes=self.purposes,
            scripts=script_mode(self.name),
        )

    def retrieve(self, version: str, region: str) -> str:
        if version not in _PYTHONS:
            raise UnknownImageError(
                f"Version {version!r} of pytorch is not offered: use one of {', '.join(_PYTHONS)}"
            )
        accounts = accounts_of(_REGISTRIES)
        if region not in accounts:
            raise UnknownImageError(
                f"pytorch is not published in region {region!r}: use one of {', '.join(accounts)}"
            )
        host = registry(accounts[region], region)
        return f"{host}/{_TRAINING}:{version}-cpu-{_PYTHONS[version]}"

    @property
    def offer(self) -> str:
        example = self.retrieve("2.6.0", "us-east-1")
        return f"pytorch, where torch is installed, by the URI that AWS gives it, as {example}"

    def _version(self, reference: Reference) -> str | None:
        known = reference.repository in (_TRAINING, _INFERENCE) and not reference.digest
        if not known or reference.registry not in registries_of(_REGISTRIES):
            return None
        match = _TAG.fullmatch(reference.tag)
        return None if match is None else match["version"]
