"""XGBoost: two generations of images, in registries of their own."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from modelyard.compute.images._base import Family, Image, Purpose, Reference, UnknownImageError
from modelyard.compute.images.built_in import script_mode
from modelyard.compute.images.registries import accounts_of, registries_of, registry
from modelyard.images.xgboost.metric_definitions import METRIC_DEFINITIONS

_LEGACY = "xgboost"  # the repository of version 1
_CURRENT = "sagemaker-xgboost"

#: version -> the tag that the sagemaker SDK gives it, oldest first.
XGBOOST_TAGS = {
    "1": "1",
    "latest": "latest",
    "0.90-1": "0.90-1-cpu-py3",
    "0.90-2": "0.90-2-cpu-py3",
    "1.0-1": "1.0-1-cpu-py3",
    "1.2-1": "1.2-1",
    "1.2-2": "1.2-2",
    "1.3-1": "1.3-1",
    "1.5-1": "1.5-1",
    "1.7-1": "1.7-1",
    "3.0-5": "3.0-5",
}
_LEGACY_VERSIONS = ("1", "latest")
_SCRIPT_VERSIONS = tuple(version for version in XGBOOST_TAGS if version not in _LEGACY_VERSIONS)
CPU_SUFFIX = "-cpu-py3"  # published beside the plain tag, for every version of the newer images


class XGBoost(Family):
    name = "xgboost"
    purposes: tuple[Purpose, ...] = ("train", "serve")

    def find(self, reference: Reference) -> Image | None:
        version = _version(reference)
        if version is None or reference.registry not in registries_of(_registries(version)):
            return None
        return Image(
            name=self.name,
            version=version,
            entrypoint=(sys.executable, "-m", "modelyard.images.xgboost"),
            purposes=self.purposes,
            server="gateway",
            scripts=script_mode(self.name) if version in _SCRIPT_VERSIONS else (),
            metric_definitions=METRIC_DEFINITIONS,
            hyperparameter_problems=_hyperparameter_problems,
        )

    def retrieve(self, version: str, region: str) -> str:
        if version not in XGBOOST_TAGS:
            raise UnknownImageError(
                f"Version {version!r} of xgboost is not offered: use one of "
                f"{', '.join(XGBOOST_TAGS)}"
            )
        accounts = accounts_of(_registries(version))
        if region not in accounts:
            raise UnknownImageError(
                f"xgboost {version} is not published in region {region!r}: use one of "
                f"{', '.join(accounts)}"
            )
        repository = _LEGACY if version in _LEGACY_VERSIONS else _CURRENT
        return f"{registry(accounts[region], region)}/{repository}:{XGBOOST_TAGS[version]}"

    @property
    def offer(self) -> str:
        example = self.retrieve("1.7-1", "us-east-1")
        return (
            f"xgboost in the versions {', '.join(XGBOOST_TAGS)} by the URI that AWS gives it in "
            f"any region, as {example}"
        )


def _hyperparameter_problems(texts: Mapping[str, str], hosts: int) -> Sequence[str]:
    """Return what the program itself would say of hyperparameters."""
    from modelyard.images.xgboost.hyperparameters import problems_of

    return problems_of(texts, hosts=hosts)


def _version(reference: Reference) -> str | None:
    tag = reference.tag or "latest"
    if reference.repository == _LEGACY:
        return tag if tag in _LEGACY_VERSIONS else None
    version = tag.removesuffix(CPU_SUFFIX)
    known = version in XGBOOST_TAGS and version not in _LEGACY_VERSIONS
    return version if known and reference.repository == _CURRENT else None


def _registries(version: str) -> str:
    return "xgboost" if version in _LEGACY_VERSIONS else "frameworks"
