"""Metrics: numbers that a job's regular expressions find in its log.

The expressions are their users', and run inside the server on every line. They are RE2's, whose
time grows with the line and with nothing else: there is none that could make the server stand
still, as a backtracking engine's can. RE2 knows no look-around and no back references.

In the logs of the service that these expressions were written for a TAB shows as `#011`; lines are
searched in that form and as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import re2

from modelyard import clock

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = 64 * 2**20  # bytes at most, of the automaton of all expressions together


class MetricScanner:
    """Keeps the last value of each metric while a log goes by.

    Args:
        definitions: (metric, regular expression whose first group is the value).
        record: takes what one line has: the values by metric, and the line.
    """

    def __init__(
        self,
        definitions: Sequence[tuple[str, str]],
        record: Callable[[Mapping[str, float], str], None] = lambda _found, _line: None,
    ) -> None:
        self._definitions = [
            (name, re2.compile(regex, options=_OPTIONS)) for name, regex in definitions
        ]
        self._any = re2.Set.SearchSet(_OPTIONS)
        for _, regex in definitions:
            self._any.Add(regex)
        if definitions:
            self._any.Compile()
        self._last: dict[str, tuple[float, datetime]] = {}
        self._record = record

    def feed(self, line: str) -> None:
        """Look for metrics in one line."""
        if not self._definitions:
            return
        shown = line.replace("\t", "#011")
        # A line that both forms are found in, or two expressions of one metric, says it once.
        found: dict[str, float] = {}
        for text in (shown,) if shown == line else (shown, line):
            # One pass tells which of the expressions match at all: mostly none.
            for index in self._any.Match(text) or ():
                name, regex = self._definitions[index]
                value = _number(regex.search(text))
                if value is not None:
                    found[name] = value
        if found:
            now = clock.now()
            self._last.update((name, (value, now)) for name, value in found.items())
            self._record(found, line)

    def final(self) -> list[dict[str, Any]]:
        """Return the last value of each metric, as the API's MetricData with times in micros."""
        return [
            {"MetricName": name, "Value": value, "Timestamp": clock.to_micros(at)}
            for name, (value, at) in self._last.items()
        ]


def regex_problem(regex: str) -> str | None:
    """Return why a metric cannot be found by `regex`, or None when it can."""
    try:
        compiled = re2.compile(regex, options=_OPTIONS)
    except re2.error as error:
        why = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        return f"cannot be used: {why} (the syntax is RE2's)"
    if compiled.groups < 1:
        return "has no group: put brackets around the number"
    return None


def _number(match: Any) -> float | None:
    """Return the first group as a number; None if it is none, or none that can be compared."""
    if match is None or match.group(1) is None:
        return None
    try:
        value = float(match.group(1))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
