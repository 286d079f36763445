"""What the search says in its log of how far it is.

A line that begins with a mark is a JSON object of facts. A job's log is its own programs' work, so
nothing of it is believed that is not of the right form, and nothing of it concerns another job.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelyard.autopilot.kind import PHASES
from modelyard.images.autopilot.problem_types import ALGORITHMS, METRICS

MARK = "#autopilot "
_STATUSES = ("InProgress", "Completed", "Failed", "Stopped")
_MAX_NAME = 64
_MAX_TEXT = 1024


@dataclass
class Told:
    """What is known so far."""

    phase: str | None = None
    problem_type: str | None = None
    objective: str | None = None
    why: str = ""
    best: str | None = None
    ended_by: str | None = None
    candidates: dict[str, dict[str, Any]] = field(default_factory=dict)  # by name

    def hear(self, lines: Iterable[str]) -> None:
        """Take lines of the log, in their order; hearing one again changes nothing."""
        for line in lines:
            if line.startswith(MARK):
                facts = _facts(line[len(MARK) :])
                self._take(facts)

    def _take(self, facts: Mapping[str, Any]) -> None:
        if facts.get("phase") in PHASES:
            self.phase = facts["phase"]
        resolved = facts.get("resolved")
        if isinstance(resolved, dict):
            self._resolve(resolved)
        candidate = candidate_of(facts.get("candidate"))
        if candidate is not None:
            self.candidates[candidate["name"]] = candidate
        if isinstance(facts.get("ended_by"), str):
            self.ended_by = facts["ended_by"][:_MAX_TEXT]
            best = facts.get("best")
            self.best = best if best in self.candidates else None

    def _resolve(self, given: Mapping[str, Any]) -> None:
        kind, objective = given.get("problem_type"), given.get("objective")
        if objective in METRICS.get(str(kind), ()):
            self.problem_type, self.objective = str(kind), str(objective)
            self.why = str(given.get("why", ""))[:_MAX_TEXT]


def candidate_of(given: Any) -> dict[str, Any] | None:
    """Return a candidate as a row keeps it; None: it is none."""
    if not isinstance(given, dict):
        return None
    name, started, ended = given.get("name"), given.get("started"), given.get("ended")
    right = (
        isinstance(name, str)
        and 0 < len(name) <= _MAX_NAME
        and type(started) is int
        and (ended is None or type(ended) is int)
        and given.get("status") in _STATUSES
        and given.get("algorithm") in ALGORITHMS
    )
    if not right:
        return None
    metrics = given.get("metrics")
    return {
        "name": name,
        "number": given["number"] if type(given.get("number")) is int else 0,
        "algorithm": given["algorithm"],
        "status": given["status"],
        "started": started,
        "ended": ended,
        "metrics": {
            str(metric)[:_MAX_NAME]: float(value)
            for metric, value in (metrics if isinstance(metrics, dict) else {}).items()
            if type(value) in (int, float) and math.isfinite(value)
        },
        "failure": str(given.get("failure") or "")[:_MAX_TEXT],
    }


def _facts(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
