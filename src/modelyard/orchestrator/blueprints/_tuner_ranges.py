"""`hyperparamaters_ranges`: `{name: ["continuous" | "integer" | "categorical", [values]]}`."""

from __future__ import annotations

import json
from typing import Any

from modelyard.orchestrator.blueprints._base import Problem
from modelyard.orchestrator.blueprints._tuner_configs import RANGES

_MEMBERS = {
    "continuous": "ContinuousParameterRanges",
    "integer": "IntegerParameterRanges",
    "categorical": "CategoricalParameterRanges",
}
_SHAPE = 'as ["continuous", [0, 1]], ["integer", [1, 9]] or ["categorical", ["a", "b"]]'


def parameter_ranges(text: str, problems: list[Problem]) -> dict[str, Any] | None:
    """Return ParameterRanges of a JSON object; None, and `problems`, where one is wrong."""
    given: Any = json.loads(text) if text else None
    if not isinstance(given, dict) or not given:
        example = 'must be a JSON object that is not empty, such as {"eta": ["continuous", [0, 1]]}'
        problems.append(Problem(attribute=RANGES, text=example))
        return None
    found: dict[str, list[dict[str, Any]]] = {}
    wrong = False
    for name, entry in given.items():
        problem = _problem(entry)
        if problem is not None:
            wrong = True
            problems.append(Problem(attribute=RANGES, text=f"{name}: {problem}"))
            continue
        kind, values = entry
        found.setdefault(_MEMBERS[kind], []).append(_range(name, kind, values))
    return None if wrong else found


def _range(name: str, kind: str, values: list[Any]) -> dict[str, Any]:
    texts = [_text(value) for value in values]
    if kind == "categorical":
        return {"Name": name, "Values": texts}
    return {"Name": name, "MinValue": texts[0], "MaxValue": texts[1]}


def _problem(entry: Any) -> str | None:
    if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[1], list):
        return f"{json.dumps(entry)[:100]} must be {_SHAPE}"
    kind, values = entry
    if not isinstance(kind, str) or kind not in _MEMBERS:
        return f"{json.dumps(kind)[:100]} must be one of {', '.join(_MEMBERS)}"
    if any(isinstance(value, dict | list) or value is None for value in values):
        return f"{json.dumps(values)[:100]} must be a list of numbers or texts"
    if kind != "categorical" and len(values) != 2:
        return f"{json.dumps(values)[:100]} must be [least, greatest]"
    return None if values else "there is no value: give those that are to be tried"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
