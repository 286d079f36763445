"""Patterns that no event of Modelyard's own can match, and that no user may make an event for.

Sources that begin with `aws.`, and `modelyard`, are written by Modelyard alone, so of those it is
known which detail-types, fields and statuses there are: a misspelt one is a rule that never fires.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from modelyard.events.contradictions import Conditions, combinations
from modelyard.events.event_types import MODELYARD, OWN_SOURCES, EventType
from modelyard.events.kinds import EVENT_TYPES
from modelyard.events.matchers import ABSENT, Matcher
from modelyard.events.parsing import Node


def unmatchable(root: Node) -> list[str]:
    """Return why no event can match, where none can."""
    problems: list[str] = []
    for conditions in combinations(root):
        found = _problems(conditions)
        if not found:
            return []
        problems += [problem for problem in found if problem not in problems]
    return problems


def is_reserved(source: str) -> bool:
    """Tell whether only Modelyard itself writes events of a source."""
    return source.startswith("aws.") or source in OWN_SOURCES


def _problems(conditions: Conditions) -> list[str]:
    sources = _exact(conditions.get("source", []))
    if sources is None or not all(is_reserved(source) for source in sources):
        return []  # users' own events may hold anything
    known = sorted(source for source in sources if source in OWN_SOURCES)
    if not known:
        return [
            f"source {', '.join(map(repr, sorted(sources)))}: no event here has it; there are "
            f"{', '.join(sorted(OWN_SOURCES))}, and your own that do not begin with aws."
        ]
    types = [type_ for type_ in EVENT_TYPES.values() if type_.source in known]
    asked = conditions.get("detail-type", [])
    if MODELYARD in known and _may_be_general(asked):
        return []
    possible = [type_ for type_ in types if _passes(type_.name, asked)]
    if not possible:
        return [_no_such_type(_exact(asked) or frozenset(), known, types)]
    found = []
    for type_ in possible:
        wrong = list(_detail_problems(type_, conditions))
        if not wrong:
            return []
        found += wrong
    return found


def _detail_problems(type_: EventType, conditions: Conditions) -> Iterator[str]:
    for path, lists in conditions.items():
        head, _, rest = path.partition(".")
        if head != "detail" or not rest or _passes(ABSENT, lists):
            continue
        key = rest.partition(".")[0]
        if key not in type_.keys:
            yield (
                f"{path}: the detail of {type_.name!r} has no {key!r}"
                f"{_hint(key, sorted(type_.keys))}"
            )
        elif rest in type_.values and not any(_passes(word, lists) for word in type_.values[rest]):
            yield f"{path}: no value fits; there are {', '.join(sorted(type_.values[rest]))}"


def _no_such_type(names: frozenset[str], sources: Sequence[str], types: Sequence[EventType]) -> str:
    offered = [type_.name for type_ in types]
    shown = ", ".join(map(repr, sorted(names))) or "as it is asked for"
    hint = "".join(_hint(name, offered) for name in sorted(names)[:1])
    return (
        f"detail-type {shown}: no event of {', '.join(sources)} has it{hint}. "
        f"There are: {', '.join(offered) or 'Modelyard <Kind> State Change'}"
    )


def _may_be_general(asked: Sequence[tuple[Matcher, ...]]) -> bool:
    """Tell whether a detail-type `Modelyard <Kind> State Change` may be meant."""
    names = _exact(asked)
    return names is None or any(
        name.startswith("Modelyard ") and name.endswith(" State Change") for name in names
    )


def _exact(lists: Sequence[tuple[Matcher, ...]]) -> frozenset[str] | None:
    """Return the texts that one of the lists allows, and no others; None: it is not known."""
    for entries in lists:
        texts = [entry.exact for entry in entries if isinstance(entry.exact, str)]
        if entries and len(texts) == len(entries):
            return frozenset(texts)
    return None


def _passes(value: object, lists: Sequence[tuple[Matcher, ...]]) -> bool:
    return all(any(entry.test(value) for entry in entries) for entries in lists)


def _hint(name: str, offered: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, offered, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
