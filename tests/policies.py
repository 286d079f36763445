"""Policies for the tests of single rooms."""

from __future__ import annotations

from modelyard.operations.context import Context
from modelyard.operations.table import Decision, Request


class AllowAll:
    """Lets everybody do everything."""

    def decide(self, context: Context, action: str, resource: str, request: Request) -> Decision:
        return Decision(allowed=True)


class Denying:
    """Lets everybody do everything but what is denied, and remembers what it was asked."""

    def __init__(self) -> None:
        self.denied: set[str] = set()
        self.asked: list[str] = []

    def decide(self, context: Context, action: str, resource: str, request: Request) -> Decision:
        self.asked.append(action)
        if action not in self.denied:
            return Decision(allowed=True)
        refused = f"User: {context.principal.arn} is not authorized to perform: {action}"
        return Decision(allowed=False, refusal=refused)
