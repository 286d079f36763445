"""Which regular expression finds a metric: the image's own, or the definition's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modelyard.compute.images import Image


def regexes_of(
    algorithm: Mapping[str, Any], image_of: Callable[[str], Image]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return what finds each metric: of an image's own metrics, and of those that were given.

    Args:
        algorithm: an AlgorithmSpecification.
        image_of: raises ValueError for a URI that means no image; such a one has no metrics.
    """
    try:
        own = dict(image_of(algorithm.get("TrainingImage", "")).metric_definitions)
    except ValueError:
        own = {}
    given = {metric["Name"]: metric["Regex"] for metric in algorithm.get("MetricDefinitions", ())}
    return own, given


def tells_objective(
    algorithm: Mapping[str, Any], metric: str, image_of: Callable[[str], Image]
) -> bool:
    """Return whether an algorithm is to be told that `metric` is its objective.

    An image with metrics of its own knows those, and no others.
    """
    own, _ = regexes_of(algorithm, image_of)
    return not own or metric in own
