"""Which tuning jobs another one can start from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelyard.tuning.spec import Objective, TuningSpec


def parent_problems(spec: TuningSpec, parent: TuningSpec) -> Iterator[str]:
    """Look at one parent of a tuning job, both with one definition of training jobs."""
    own, theirs = spec.objective, parent.objective
    if own != theirs:
        yield (
            f"the parent {parent.name!r} has the objective {_told(theirs)}, and not "
            f"{_told(own)}: both must have the same one"
        )
    if len(parent.definitions) > 1:
        yield f"the parent {parent.name!r} has several definitions of training jobs"
    elif spec.warm_start is not None and not spec.warm_start.transfers:
        yield from _differences(spec, parent)


def _differences(spec: TuningSpec, parent: TuningSpec) -> Iterator[str]:
    own, theirs = spec.definitions[0], parent.definitions[0]
    remedy = "use TransferLearning"
    if own.image != theirs.image:
        yield (
            f"WarmStartType IdenticalDataAndAlgorithm: the parent {parent.name!r} has the image "
            f"{theirs.image}, and not {own.image}: {remedy}"
        )
    if _data(own.request) != _data(theirs.request):
        yield (
            f"WarmStartType IdenticalDataAndAlgorithm: the parent {parent.name!r} has other data "
            f"in InputDataConfig: {remedy}"
        )


def _data(definition: Mapping[str, Any]) -> dict[str, Any]:
    return {
        channel["ChannelName"]: channel["DataSource"].get("S3DataSource", {}).get("S3Uri")
        for channel in definition.get("InputDataConfig", ())
    }


def _told(objective: Objective) -> str:
    return f"{'Maximize' if objective.maximize else 'Minimize'} {objective.metric}"
