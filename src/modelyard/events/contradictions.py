"""Patterns that no event of any kind can match: a field that must be two things at once.

A pattern's alternatives are multiplied out into plain lists of conditions, as EventBridge does;
the pattern is a contradiction when every one of them is.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelyard.events.matchers import ABSENT, Matcher
from modelyard.events.parsing import Node

#: EventBridge's own limit.
MAX_COMBINATIONS = 1000

#: What must be true of one field: each of these lists must let its value pass.
Conditions = dict[str, list[tuple[Matcher, ...]]]

#: What every event has, so that it cannot be absent.
_ALWAYS_THERE = (
    "version",
    "id",
    "source",
    "detail-type",
    "account",
    "time",
    "region",
)


def contradictions(root: Node) -> list[str]:
    """Return why no event can match, where none can; and that there are too many combinations."""
    if _count(root) > MAX_COMBINATIONS:
        return [f"its $or lists make more than {MAX_COMBINATIONS} combinations: use several rules"]
    problems: list[str] = []
    for conditions in combinations(root):
        found = list(_impossible(conditions))
        if not found:
            return []
        problems += [problem for problem in found if problem not in problems]
    return problems


def combinations(node: Node, path: str = "") -> Iterator[Conditions]:
    """Yield what each choice among a pattern's alternatives asks of which field."""
    found: list[Conditions] = [{f"{path}{key}": [entries] for key, entries in node.leaves.items()}]
    for key, inner in node.nested.items():
        found = _multiplied(found, list(combinations(inner, f"{path}{key}.")))
    for branches in node.alternatives:
        found = _multiplied(
            found, [one for branch in branches for one in combinations(branch, path)]
        )
    yield from found


def _multiplied(left: list[Conditions], right: list[Conditions]) -> list[Conditions]:
    return [
        {key: [*one.get(key, []), *other.get(key, [])] for key in {**one, **other}}
        for one in left
        for other in right
    ]


def _count(node: Node) -> int:
    total = 1
    for inner in node.nested.values():
        total *= _count(inner)
    for branches in node.alternatives:
        total *= sum(_count(branch) for branch in branches)
    return total


def _impossible(conditions: Conditions) -> Iterator[str]:
    for path, lists in conditions.items():
        if path in _ALWAYS_THERE and any(
            all(entry.absence for entry in entries) for entries in lists
        ):
            yield f"{path} must be absent, and every event has it: drop the condition"
        elif len(lists) > 1 and not _some_value(path, lists):
            yield f"{path} must be two things at once: its conditions let no value pass together"


def _some_value(path: str, lists: list[tuple[Matcher, ...]]) -> bool:
    """Tell whether a value passes all lists, as far as exact values show it.

    A list in an event may hold a value for each, so only fields that are never lists can tell.
    """
    if path not in _ALWAYS_THERE:
        return True
    for entries in lists:
        exact = [entry.exact for entry in entries]
        if any(value is ABSENT for value in exact):
            continue
        return any(
            all(any(entry.test(value) for entry in other) for other in lists) for value in exact
        )
    return True
