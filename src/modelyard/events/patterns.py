"""Event patterns: which events a rule is for.

All fields of a pattern must match (and), one entry of a field's list is enough (or). Where an
event has a list, one of its values is enough; where it has a list of objects, one object must fit
all that the pattern says below that field. `exists` speaks of leaves: a field that holds an object,
or an empty list, counts as absent.

A pattern that asks for what no event can have is refused when it is parsed: an empty list, a range
without numbers, a field that must be two things at once, a status that no event of ours has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelyard.events.contradictions import contradictions
from modelyard.events.errors import InvalidEventPattern
from modelyard.events.matchers import ABSENT, Matcher
from modelyard.events.parsing import Node, Parser, read_json
from modelyard.events.vocabulary import unmatchable

MAX_CHARACTERS = 4096


class Pattern:
    """One compiled pattern. Safe to use from any thread."""

    def __init__(self, root: Node) -> None:
        self.root = root

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Return the pattern that a JSON text holds.

        Raises:
            InvalidEventPattern: with all problems: where, what is wrong, what is allowed.
        """
        if len(text) > MAX_CHARACTERS:
            raise InvalidEventPattern.of(
                [f"it has {len(text)} characters, and at most {MAX_CHARACTERS} are allowed"]
            )
        try:
            value = read_json(text)
        except ValueError as error:
            raise InvalidEventPattern.of([f"it is no JSON object: {error}"]) from error
        parser = Parser()
        root = parser.node(value)
        problems = parser.problems or contradictions(root) or unmatchable(root)
        if problems:
            raise InvalidEventPattern.of(problems)
        return cls(root)

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Tell whether an event is meant."""
        return _fits(self.root, event)

    def exact_texts(self, field: str) -> frozenset[str] | None:
        """Return the only texts that a top-level field may have; None where others may do."""
        entries = self.root.leaves.get(field, ())
        texts = [entry.exact for entry in entries if isinstance(entry.exact, str)]
        return frozenset(texts) if entries and len(texts) == len(entries) else None


def _fits(node: Node, value: Mapping[str, Any]) -> bool:
    for key, entries in node.leaves.items():
        if not _leaf_fits(entries, value.get(key, ABSENT)):
            return False
    for key, inner in node.nested.items():
        if not any(_fits(inner, child) for child in _objects(value.get(key))):
            return False
    return all(any(_fits(branch, value) for branch in branches) for branches in node.alternatives)


def _leaf_fits(entries: tuple[Matcher, ...], value: Any) -> bool:
    leaves = list(_leaves(value)) or [ABSENT]
    return any(entry.test(leaf) for leaf in leaves for entry in entries)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif not isinstance(value, Mapping) and value is not ABSENT:
        yield value


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a field; where there is none, one without fields, so that `exists:
    false` below it holds."""
    found = list(_all_objects(value))
    yield from found or [{}]


def _all_objects(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _all_objects(item)
