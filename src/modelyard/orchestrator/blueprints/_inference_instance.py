"""`inference_instance`: the guide's examples name a type that nothing is served on, ml.t3.2xlarge.

SageMaker has ml.t3 for jobs only. A type of the same size stands in for it, and whoever asked is
told; every other type that is none is refused by the operations themselves.
"""

from __future__ import annotations

from collections.abc import Mapping

from modelyard.orchestrator.blueprints._base import Attribute

_SIZES = ("large", "xlarge", "2xlarge")

INFERENCE_INSTANCE = Attribute(
    name="inference_instance", parameter="InferenceInstance", required=True, per_stage=True
)
#: What an endpoint has in place of each, with as many vCPUs and as much memory.
OF_ENDPOINTS: Mapping[str, str] = {
    "ml.t3.medium": "ml.t2.medium",
    **{f"ml.t3.{size}": f"ml.t2.{size}" for size in _SIZES},
}
#: What a transform job has, which has no ml.t2 either.
OF_TRANSFORMS: Mapping[str, str] = {
    "ml.t3.medium": "ml.m5.large",
    **{f"ml.t3.{size}": f"ml.m5.{size}" for size in _SIZES},
}


def stand_in(values: Mapping[str, str], offered: Mapping[str, str]) -> dict[str, str]:
    """Return the parameter with the type that stands in for the one that is asked for, if so."""
    asked = values.get(INFERENCE_INSTANCE.name, "")
    return {str(INFERENCE_INSTANCE.parameter): offered[asked]} if asked in offered else {}


def stand_in_remarks(values: Mapping[str, str], offered: Mapping[str, str]) -> list[str]:
    """Return what is to be said of it."""
    asked = values.get(INFERENCE_INSTANCE.name, "")
    if asked not in offered:
        return []
    return [
        f"{INFERENCE_INSTANCE.name}: {asked} is for jobs only: {offered[asked]} stands in for it"
    ]
