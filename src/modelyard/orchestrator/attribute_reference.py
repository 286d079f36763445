"""The page about every attribute of every pipeline type, written from the types themselves.

    python -m modelyard.orchestrator.attribute_reference > docs/attributes.md

Names, rules and defaults stand in the blueprints only; so the page says what is checked.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from modelyard.orchestrator.blueprints import PIPELINE_TYPES, Attribute, PipelineType
from modelyard.orchestrator.blueprints._monitor import PROBLEM_TYPE, PROBLEM_TYPES
from modelyard.orchestrator.blueprints._registered_model import PACKAGE
from modelyard.orchestrator.stage_values import IN_ONE_ACCOUNT

_HEAD = """# The attributes of every pipeline

This page is generated from the blueprints (`make docs`): what is written here is what is checked.
For requests that work see [pipelines](pipelines.md), for the calls and their answers the
[API](api.md).

*By stage*: with several accounts the value may be `{"dev": …, "staging": …, "prod": …}`; one value
is for all of them. *JSON*: an object or a list, or its text. Where only models of the registry are
deployed (`--use-model-registry`), `model_package_name` is required in place of what it may stand
for.
"""


def page() -> str:
    """Return the page, in Markdown."""
    return "\n".join([_HEAD, *(_section(kind) for kind in PIPELINE_TYPES.values())])


def _section(kind: PipelineType) -> str:
    parameters = kind.source.get("Parameters", {})
    where = "the orchestrator's account only" if kind.name in IN_ONE_ACCOUNT else "every stage"
    made = sorted({one["Type"] for one in kind.source["Resources"].values()})
    outputs = [*kind.source.get("Outputs", {})]
    lines = [
        f"## {kind.name}",
        "",
        str(kind.source["Description"]),
        "",
        f"Deployed in {where}. Creates {_listed(made)}. Outputs: {_listed(outputs)}.",
        "",
        "| attribute | required | default | by stage | what it is |",
        "|---|---|---|---|---|",
        *(_row(kind, one, parameters.get(one.parameter, {})) for one in kind.attributes),
        "",
    ]
    return "\n".join(lines)


def _row(kind: PipelineType, attribute: Attribute, parameter: Mapping[str, Any]) -> str:
    names = [attribute.name, *attribute.spellings]
    default = "" if attribute.required else str(parameter.get("Default", ""))
    staged = attribute.per_stage and kind.name not in IN_ONE_ACCOUNT
    cells = (
        " or ".join(f"`{name}`" for name in names),
        _required(kind, attribute),
        f"`{default}`" if default else "",
        "yes" if staged else "",
        " ".join(_sentences(attribute, parameter)).replace("<", "\\<"),
    )
    return f"| {' | '.join(cells)} |"


def _required(kind: PipelineType, attribute: Attribute) -> str:
    if attribute.required:
        return f"yes, or `{attribute.unless}`" if attribute.unless else "yes"
    if PROBLEM_TYPE.name not in {one.name for one in kind.attributes} or attribute.name == PACKAGE:
        return ""
    asking = [
        problem
        for problem in PROBLEM_TYPES
        if attribute.name in kind.required_too({PROBLEM_TYPE.name: problem})
    ]
    return "yes" if len(asking) == len(PROBLEM_TYPES) else _listed(asking)


def _sentences(attribute: Attribute, parameter: Mapping[str, Any]) -> Iterator[str]:
    described = str(parameter.get("Description", ""))
    if described:
        yield described
    if attribute.meaning:
        yield attribute.meaning
    if attribute.is_document:
        yield "JSON."
    allowed = [f"`{value}`" for value in parameter.get("AllowedValues", ()) if value != ""]
    rule = str(parameter.get("ConstraintDescription", ""))
    if allowed:
        yield f"One of {', '.join(allowed)}."
    elif rule and rule.rstrip(".") not in described:
        yield f"Must be {rule}."


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    sys.stdout.write(page())
