"""Instance types: how many vCPUs and how much memory a job asks for by naming one.

The data, and where it comes from, is in `instance_types.yaml`.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

_PREFIX = "ml."


@dataclass(frozen=True, kw_only=True)
class InstanceType:
    """One `ml.*` instance type."""

    name: str
    vcpus: int
    memory_gib: float
    gpus: int  # accelerators of any kind
    usd_per_hour: float | None  # on demand in us-east-1; None: not known


class UnknownInstanceTypeError(ValueError):
    """There is no such instance type; the message names those most like it."""


def instance_type(name: str) -> InstanceType:
    """Return an instance type by its full name, `ml.m5.xlarge`.

    Raises:
        UnknownInstanceTypeError: there is none of that name.
    """
    known = instance_types()
    found = known.get(name)
    if found is not None:
        return found
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or [
        "ml.m5.large",
        "ml.m5.xlarge",
    ]
    raise UnknownInstanceTypeError(
        f"Instance type {name!r} is not known: did you mean {', '.join(near)}?"
    )


@functools.cache
def instance_types() -> Mapping[str, InstanceType]:
    """Return all instance types by name."""
    data = yaml.safe_load(
        resources.files("modelyard.compute").joinpath("instance_types.yaml").read_text()
    )
    found = [
        _of_family(family, size, rule)
        for family, rule in data["families"].items()
        for size in rule["sizes"]
    ]
    for name, (vcpus, memory, gpus, price) in data["types"].items():
        found.append(
            InstanceType(
                name=_PREFIX + name,
                vcpus=vcpus,
                memory_gib=float(memory),
                gpus=gpus,
                usd_per_hour=price,
            )
        )
    return {kind.name: kind for kind in found}


def _of_family(family: str, size: str, rule: Mapping[str, Any]) -> InstanceType:
    vcpus = _vcpus(size)
    return InstanceType(
        name=f"{_PREFIX}{family}.{size}",
        vcpus=vcpus,
        memory_gib=vcpus * float(rule["gib"]),
        gpus=0,
        usd_per_hour=None if rule["usd"] is None else round(vcpus * rule["usd"], 3),
    )


def _vcpus(size: str) -> int:
    if size == "large":
        return 2
    return 4 * int(size.removesuffix("xlarge") or 1)
