"""Ranges of hyperparameters, in FLAML's terms: by name, a `domain`, perhaps a cheap start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def within(start: Mapping[str, Any], space: Mapping[str, Any]) -> dict[str, Any]:
    """Return a choice within the ranges; a range of whole numbers ends ahead of its upper end."""
    found = {}
    for name, value in start.items():
        domain = space[name]["domain"]
        most = domain.upper - 1 if isinstance(value, int) else domain.upper
        found[name] = min(max(value, domain.lower), most)
    return found


def bounded(space: Mapping[str, Any], most: Mapping[str, int]) -> dict[str, Any]:
    """Return FLAML's ranges of whole numbers with upper ends of our own."""
    from flaml import tune

    found = {name: dict(one) for name, one in space.items()}
    for name, upper in most.items():
        domain = found[name]["domain"]
        least = min(upper, domain.upper)
        found[name]["domain"] = tune.lograndint(lower=domain.lower, upper=least)
    return found
