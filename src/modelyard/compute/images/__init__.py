"""The image catalogue: which program stands for which image URI, and the URI of each."""

from __future__ import annotations

from collections.abc import Sequence

from modelyard.compute.images._base import (
    Family,
    Image,
    Purpose,
    Reference,
    Server,
    UnknownImageError,
)
from modelyard.compute.images.algorithms import ALGORITHMS
from modelyard.compute.images.analyses import CLARIFY, MODEL_MONITOR
from modelyard.compute.images.autopilot import AUTOPILOT
from modelyard.compute.images.python import PYTHON
from modelyard.compute.images.pytorch import PyTorch
from modelyard.compute.images.scikit_learn import SCIKIT_LEARN
from modelyard.compute.images.xgboost import XGBoost

FAMILIES: Sequence[Family] = (
    XGBoost(),
    SCIKIT_LEARN,
    PYTHON,
    PyTorch(),
    *ALGORITHMS,
    AUTOPILOT,
    MODEL_MONITOR,
    CLARIFY,
)


def find_image(uri: str) -> Image:
    """Return the image that `uri` means, whatever it is for.

    Raises:
        UnknownImageError: it is none of those offered, or its libraries are not installed.
    """
    found = _find(uri)
    if found is None:
        raise UnknownImageError(_not_offered(uri, FAMILIES))
    return found


def image_of(uri: str, purpose: Purpose) -> Image:
    """Return the image that `uri` means, which is one for that purpose.

    Raises:
        UnknownImageError: it is none of those offered for it, or its libraries are not installed.
    """
    found = _find(uri)
    if found is None or purpose not in found.purposes:
        offered = [family for family in FAMILIES if purpose in family.purposes]
        raise UnknownImageError(_not_offered(uri, offered, f" to {purpose}"))
    return found


def retrieve(framework: str, version: str, region: str) -> str:
    """Return the URI that clients use for a built-in image, as `image_uris.retrieve` would.

    Raises:
        UnknownImageError: there is no such framework, version or region.
    """
    for family in FAMILIES:
        if family.name == framework:
            return family.retrieve(version, region)
    names = ", ".join(family.name for family in FAMILIES)
    raise UnknownImageError(f"Framework {framework!r} is not offered: use one of {names}")


def _find(uri: str) -> Image | None:
    reference = Reference.parse(uri)
    if reference is None:
        return None
    found = (family.find(reference) for family in FAMILIES)
    return next((image for image in found if image is not None), None)


def _not_offered(uri: str, families: Sequence[Family], purpose: str = "") -> str:
    offers = "; ".join(family.offer for family in families)
    return f"Image {uri!r} is not offered{purpose}. Offered is {offers}"


__all__ = [
    "FAMILIES",
    "Family",
    "Image",
    "Purpose",
    "Reference",
    "Server",
    "UnknownImageError",
    "find_image",
    "image_of",
    "retrieve",
]
