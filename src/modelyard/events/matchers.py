"""What one entry of a pattern's list lets pass: an exact value, or an operator such as `prefix`.

A value is a leaf of an event: a text, a number, true, false or null. `ABSENT` stands for a field
that has none. Numbers compare by value (300 is 300.0), and true is no number.
"""

from __future__ import annotations

import ipaddress
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from modelyard.events.wildcards import Wildcard


class Absent:
    """The value of a field that is not there, or that has other fields below it."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent()

#: EventBridge's own limit of numbers in patterns.
LARGEST: Final = 5e9

COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

Test = Callable[[Any], bool]


@dataclass(frozen=True, kw_only=True)
class Matcher:
    """One entry: `test` says whether it lets a leaf, or `ABSENT`, pass."""

    test: Test
    exact: Any = ABSENT  # the one value that it lets pass, where there is just one
    absence: bool = False  # it lets nothing but absence pass


def is_number(value: object) -> bool:
    """Tell whether a JSON value is a number; to Python true is one too."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def exactly(value: Any) -> Matcher:
    """Let one value pass."""
    return Matcher(test=lambda found: same(value, found), exact=value)


def same(one: object, other: object) -> bool:
    """Tell whether two JSON values are the same: 1 is 1.0, and not true."""
    if is_number(one) and is_number(other):
        return one == other
    return type(one) is type(other) and one == other


def exists(wanted: bool) -> Matcher:
    """Let presence pass, or absence."""
    return Matcher(test=lambda found: (found is not ABSENT) is wanted, absence=not wanted)


def text_test(name: str, wanted: str) -> Test:
    """Return the test of a text operator.

    Args:
        name: `prefix`, `suffix`, `equals-ignore-case` or `wildcard`, the first two also with
            `-ignore-case` behind them.

    Raises:
        ValueError: `wanted` is no text for it.
    """
    folded = wanted.casefold()
    match name:
        case "prefix":
            return lambda found: isinstance(found, str) and found.startswith(wanted)
        case "suffix":
            return lambda found: isinstance(found, str) and found.endswith(wanted)
        case "prefix-ignore-case":
            return lambda found: isinstance(found, str) and found.casefold().startswith(folded)
        case "suffix-ignore-case":
            return lambda found: isinstance(found, str) and found.casefold().endswith(folded)
        case "equals-ignore-case":
            return lambda found: isinstance(found, str) and found.casefold() == folded
        case "wildcard":
            pieces = Wildcard.parse(wanted)
            return lambda found: isinstance(found, str) and pieces.matches(found)
        case _:
            raise ValueError(f"{name!r} is no operator on texts")


def numeric(bounds: list[tuple[str, float]]) -> Matcher:
    """Let the numbers pass that fit every bound.

    Raises:
        ValueError: no number fits all of them.
    """
    tests = [(COMPARISONS[sign], bound) for sign, bound in bounds]
    if len(bounds) == 2:
        (low_sign, low), (high_sign, high) = bounds
        if low > high or (low == high and "=" not in (low_sign[1:] and high_sign[1:])):
            raise ValueError(
                f"no number is {low_sign} {low:g} and {high_sign} {high:g}: "
                "the lower bound must lie below the upper one"
            )
    return Matcher(
        test=lambda found: is_number(found) and all(test(found, bound) for test, bound in tests),
        exact=bounds[0][1] if bounds[0][0] == "=" else ABSENT,
    )


def cidr(text: str) -> Matcher:
    """Let IP addresses of a network pass.

    Raises:
        ValueError: `text` is no network.
    """
    network = ipaddress.ip_network(text, strict=False)

    def test(found: Any) -> bool:
        if not isinstance(found, str):
            return False
        try:
            address = ipaddress.ip_address(found)
        except ValueError:
            return False
        return address.version == network.version and address in network

    return Matcher(test=test)


def none_of(tests: list[Test]) -> Matcher:
    """Let every value pass that none of `tests` does; absence does not pass."""
    return Matcher(
        test=lambda found: found is not ABSENT and not any(test(found) for test in tests)
    )
