"""The image catalogue: which program stands for which image URI.

Nothing is pulled. A built-in image is a program of `modelyard.images`, and every URI that AWS's
clients compute for its counterpart means it, whatever the region and the version's tag.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from modelyard.compute.registries import XGBOOST_ACCOUNTS, registry
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

_SCIKIT_LEARN = "sagemaker-scikit-learn"  # in the same registries as the newer images of XGBoost
#: The versions that clients ask for by name; all mean the scikit-learn that is installed here.
SCIKIT_LEARN_VERSIONS = ("0.20.0", "0.23-1", "1.0-1", "1.2-1", "1.4-2")
_CPU_SUFFIX = "-cpu-py3"  # published beside the plain tag, for every version of the newer images

_URI = re.compile(r"(?P<registry>[^/]+)/(?P<repository>[^:@]+)(?::(?P<tag>[^:@]+))?")


@dataclass(frozen=True, kw_only=True)
class Image:
    """What a built-in image is."""

    name: str
    version: str
    entrypoint: Sequence[str]  # the program; its argument says what to do
    #: Metric -> regular expression with one group.
    metric_definitions: Sequence[tuple[str, str]] = ()
    processes: bool = False  # whether its own program is one for processing jobs

    @property
    def train(self) -> list[str]:
        """The argument list that trains."""
        return [*self.entrypoint, "train"]


class UnknownImageError(ValueError):
    """No such image is offered; the message names those that are."""


def image_of(uri: str) -> Image:
    """Return the image that `uri` means.

    Raises:
        UnknownImageError: it is none of those offered.
    """
    match = _URI.fullmatch(uri)
    version = None if match is None else _version(match["repository"], match["tag"] or "latest")
    if match is None or version is None or match["registry"] not in _registries(version):
        raise UnknownImageError(
            f"Image {uri!r} is not offered. Offered is xgboost in the versions "
            f"{', '.join(XGBOOST_TAGS)}, by the URI that AWS gives it in any region, "
            f"as {retrieve('xgboost', '1.7-1', 'us-east-1')}"
        )
    return Image(
        name="xgboost",
        version=version,
        entrypoint=(sys.executable, "-m", "modelyard.images.xgboost"),
        metric_definitions=METRIC_DEFINITIONS,
    )


def processing_image_of(uri: str) -> Image:
    """Return the image that `uri` means to a processing job: one that trains too, or scikit-learn.

    Raises:
        UnknownImageError: it is none of those offered, or its libraries are not installed.
    """
    match = _URI.fullmatch(uri)
    tag = "" if match is None else (match["tag"] or "")
    version = tag.removesuffix(_CPU_SUFFIX)
    known = match is not None and match["repository"] == _SCIKIT_LEARN
    if match is None or not known or version not in SCIKIT_LEARN_VERSIONS:
        try:
            return image_of(uri)
        except UnknownImageError as error:
            raise UnknownImageError(
                f"{error}; for processing also scikit-learn in the versions "
                f"{', '.join(SCIKIT_LEARN_VERSIONS)}"
            ) from error
    if match["registry"] not in _registries("1.7-1"):
        raise UnknownImageError(f"Image {uri!r} is not offered: no region has such a registry")
    if importlib.util.find_spec("sklearn") is None or importlib.util.find_spec("pandas") is None:
        raise UnknownImageError(
            f"Image {uri!r} needs scikit-learn and pandas: install the extra sklearn "
            "(pip install 'modelyard[sklearn]')"
        )
    return Image(name="scikit-learn", version=version, entrypoint=())


def retrieve(framework: str, version: str, region: str) -> str:
    """Return the URI that clients use for a built-in image, as `image_uris.retrieve` would.

    Raises:
        UnknownImageError: there is no such framework, version or region.
    """
    if framework != "xgboost":
        raise UnknownImageError(f"Framework {framework!r} is not offered: offered is xgboost")
    if version not in XGBOOST_TAGS:
        raise UnknownImageError(
            f"Version {version!r} of xgboost is not offered: use one of {', '.join(XGBOOST_TAGS)}"
        )
    legacy = version in _LEGACY_VERSIONS
    account = XGBOOST_ACCOUNTS.get(region, (None, None))[0 if legacy else 1]
    if account is None:
        offered = [name for name, known in XGBOOST_ACCOUNTS.items() if known[0] or not legacy]
        raise UnknownImageError(
            f"xgboost {version} is not published in region {region!r}: use one of "
            f"{', '.join(offered)}"
        )
    repository = _LEGACY if legacy else _CURRENT
    return f"{registry(account, region)}/{repository}:{XGBOOST_TAGS[version]}"


def _version(repository: str, tag: str) -> str | None:
    if repository == _LEGACY:
        return tag if tag in _LEGACY_VERSIONS else None
    version = tag.removesuffix(_CPU_SUFFIX)
    known = repository == _CURRENT and version in XGBOOST_TAGS and version not in _LEGACY_VERSIONS
    return version if known else None


def _registries(version: str) -> set[str]:
    legacy = version in _LEGACY_VERSIONS
    return {
        registry(account, region)
        for region, accounts in XGBOOST_ACCOUNTS.items()
        if (account := accounts[0 if legacy else 1]) is not None
    }
