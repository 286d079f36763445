"""Values by stage: an object of dev, staging and prod in place of one value for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelyard.orchestrator.blueprints import Attribute, PipelineType, Problem

#: These work in the orchestrator's own account, whatever the number of accounts.
IN_ONE_ACCOUNT = frozenset(
    {
        "byom_image_builder",
        "model_autopilot_training",
        "model_training_builtin",
        "model_tuner_builtin",
    }
)


def bodies_of(
    kind: PipelineType, body: Mapping[str, Any], stages: Sequence[str], problems: list[Problem]
) -> dict[str, dict[str, Any]]:
    """Return the request of each stage, by the stage.

    Args:
        problems: gets what is wrong with values by stage. Where a stage lacks a value, another
            stage's stands in for it, so that nothing else is said of it.
    """
    per_stage = {
        spelling: attribute
        for attribute in kind.attributes
        if attribute.per_stage
        for spelling in (attribute.name, *attribute.spellings)
    }
    found: dict[str, dict[str, Any]] = {stage: {} for stage in stages}
    for key, value in body.items():
        attribute = per_stage.get(key)
        if attribute is not None and isinstance(value, dict):
            values = _values(attribute, value, stages, problems)
        else:
            values = dict.fromkeys(stages, value)
        for stage, own in values.items():
            found[stage][key] = own
    return found


def _values(
    attribute: Attribute, value: Mapping[str, Any], stages: Sequence[str], problems: list[Problem]
) -> dict[str, Any]:
    listed = ", ".join(stages)
    given = [stage for stage in stages if value.get(stage) is not None]
    lacking = [stage for stage in stages if stage not in given]
    unknown = [key for key in value if key not in stages]
    if lacking:
        text = (
            f"has no value for the stage {' and '.join(lacking)}: give one for each of {listed}, "
            "or one value for all"
        )
        problems.append(Problem(attribute=attribute.name, text=text))
    if unknown:
        text = f"has values for {', '.join(unknown)}, and the stages are {listed}: leave them out"
        problems.append(Problem(attribute=attribute.name, text=text))
    if not given:
        return {}
    return {stage: value[stage if stage in given else given[0]] for stage in stages}
