"""What a worker tells of its invocations: one sum for all that agree in everything but time.

Refusals are told one by one, up to a number per report; what is beyond it is summed up too.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from modelyard.gateway.permits import ACTION, Question

REPORT_SECONDS = 5.0
MAX_SINGLE = 100  # refusals that are told one by one
MAX_KINDS = 2000
MANY = "many"
AUTHENTICATE = "modelyard:Authenticate"


class _Kind(NamedTuple):
    question: Question | None  # None: nobody proved to be the caller
    claimed: str
    source: str
    allowed: bool
    policies: tuple[str, ...]
    outcome: str


class _Sum:
    __slots__ = ("at", "calls", "first", "last", "note")

    def __init__(self, request_id: str, note: str) -> None:
        self.at = time.time()
        self.calls = 0
        self.first = request_id
        self.last = request_id
        self.note = note


class CallSums:
    """Calls since the last report. For the event loop alone."""

    def __init__(self) -> None:
        self._sums: dict[_Kind, _Sum] = {}
        self._single: list[dict[str, Any]] = []

    def add(
        self,
        question: Question | None,
        claimed: str,
        source: str,
        *,
        allowed: bool,
        policies: tuple[str, ...],
        outcome: str,
        reason: str,
        request_id: str,
    ) -> None:
        """Take note of an invocation, or of a refusal.

        Args:
            question: None where nobody proved to be the caller; then `claimed` says who was
                claimed. Its endpoint is empty where none was asked for.
            outcome: "ok", a refusal's code, or what the model answered: "4xx", "5xx".
        """
        kind = _Kind(question, claimed, source, allowed, policies, outcome)
        if not allowed and len(self._single) < MAX_SINGLE:
            told = _Sum(request_id, reason)
            told.calls = 1
            self._single.append(_told(kind, told))
            return
        summed = self._sums.get(kind)
        if summed is None:
            if len(self._sums) >= MAX_KINDS:
                kind, reason = _Kind(None, MANY, MANY, allowed, (), MANY), ""
            summed = self._sums.setdefault(kind, _Sum(request_id, reason))
        summed.calls += 1
        summed.last = request_id

    def report(self) -> list[dict[str, Any]]:
        """Return what happened since the last report, and forget it."""
        found = self._single + [_told(kind, summed) for kind, summed in self._sums.items()]
        self._single = []
        self._sums = {}
        return found


def _told(kind: _Kind, summed: _Sum) -> dict[str, Any]:
    question = kind.question
    caller = None if question is None else question.caller
    return {
        "account": "" if caller is None else caller.account,
        "arn": kind.claimed if caller is None else caller.arn,
        "person": "" if caller is None else caller.person,
        "source": kind.source,
        "action": AUTHENTICATE if question is None else ACTION,
        "resource": "" if question is None or not question.endpoint else question.resource,
        "allowed": kind.allowed,
        "policies": kind.policies,
        "outcome": kind.outcome,
        "at": int(summed.at * 1_000_000),
        "calls": summed.calls,
        "first": summed.first,
        "last": summed.last,
        "note": summed.note,
    }
