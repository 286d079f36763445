"""What stands against the ranges of hyperparameters, ahead of reading them as ranges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from modelyard.tuning.ranges import NUMERIC_MEMBERS, Numeric, around, numeric
from modelyard.tuning.trial_requests import OBJECTIVE_HYPERPARAMETER

_MOST_RANGES = 30


def range_problems(
    given: Mapping[str, Any] | None, static: Mapping[str, str], *, strategy: str
) -> Iterator[str]:
    """Look at `ParameterRanges`, and at the hyperparameters beside them that stay the same."""
    given = given or {}
    names = [
        entry["Name"]
        for member in (*NUMERIC_MEMBERS.values(), "CategoricalParameterRanges", "AutoParameters")
        for entry in given.get(member, ())
    ]
    if not names:
        yield "there is no range: give one hyperparameter at least a range of values to search"
    if len(names) > _MOST_RANGES:
        yield f"{len(names)} hyperparameters have ranges: at most {_MOST_RANGES} may have one"
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{name} has two ranges: give each hyperparameter one"
    for name in sorted({*names} & {*static}):
        yield (
            f"{name} has a range, and is {static[name]!r} in StaticHyperParameters: leave one out"
        )
    if OBJECTIVE_HYPERPARAMETER in {*names, *static}:
        yield f"{OBJECTIVE_HYPERPARAMETER} is the tuning job's own: leave it out"
    for kind, member in NUMERIC_MEMBERS.items():
        for entry in given.get(member, ()):
            yield from _numeric(entry, kind)
    for entry in given.get("CategoricalParameterRanges", ()):
        yield from _categorical(entry)
    for entry in given.get("AutoParameters", ()):
        yield from _auto(entry)
    if strategy == "Grid":
        yield from _grid(given)


def _numeric(entry: Mapping[str, Any], kind: Literal["integer", "continuous"]) -> Iterator[str]:
    name, low, high = entry["Name"], entry["MinValue"], entry["MaxValue"]
    try:
        one = numeric(entry, kind)
    except ValueError as error:
        noun = "an integer" if kind == "integer" else "a finite number"
        yield f"{name}: {str(error)!r} is not {noun}"
        return
    if one.low > one.high:
        yield (
            f"{name}: MinValue {low} is greater than MaxValue {high}: exchange them, or give others"
        )
        return
    problem = _scaling(one)
    if problem is not None:
        yield f"{name}: {problem}"


def _scaling(one: Numeric) -> str | None:
    if one.scaling == "Logarithmic" and one.low <= 0:
        return (
            f"ScalingType Logarithmic is for values greater than 0, MinValue is {one.low:g}: give "
            "a greater one, or use Linear"
        )
    if one.scaling == "ReverseLogarithmic" and one.kind == "integer":
        return "ScalingType ReverseLogarithmic is for continuous ranges: use Linear"
    if one.scaling == "ReverseLogarithmic" and not 0 <= one.low <= one.high < 1:
        return (
            "ScalingType ReverseLogarithmic is for values from 0 on and below 1, the range is "
            f"{one.low:g} to {one.high:g}: give another, or use Linear"
        )
    return None


def _categorical(entry: Mapping[str, Any]) -> Iterator[str]:
    name, values = entry["Name"], entry["Values"]
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        yield f"{name}: {', '.join(map(repr, twice))} is given twice: give each value once"


def _auto(entry: Mapping[str, Any]) -> Iterator[str]:
    try:
        around(entry)
    except ValueError:
        yield (
            f"{entry['Name']}: ValueHint {entry['ValueHint']!r} is no number greater than 0, and "
            "there is no range around it: give a range"
        )


def _grid(given: Mapping[str, Any]) -> Iterator[str]:
    for member in (*NUMERIC_MEMBERS.values(), "AutoParameters"):
        for entry in given.get(member, ()):
            yield (
                f"{entry['Name']}: Grid searches categories only: list the values to try in "
                "CategoricalParameterRanges, or use another Strategy"
            )
