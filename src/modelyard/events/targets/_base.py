"""What a kind of target is: it knows its ARNs, what must be allowed, and how to deliver."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from modelyard.events.rules import Rule, RuleTarget
from modelyard.operations.context import Context


class Undeliverable(Exception):
    """It makes no sense to try again; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Needed:
    """What whoever puts a target must be allowed to do, and its role when it acts."""

    action: str  # "events:InvokeApiDestination"
    resource: str  # ARN
    request: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """One event on its way to one target."""

    rule: Rule
    target: RuleTarget
    envelope: Mapping[str, Any]
    input: Any  # what the target asked to get of it
    resource: str
    depth: int  # of what the target does


class TargetKind(Protocol):
    """One kind of target. Its methods block, and are called from many threads.

    A delivery may be repeated after a crash, so whoever receives one looks at the event's id.
    """

    name: str  # in metrics
    needs_role: bool  # it cannot act on behalf of who put it

    def is_meant(self, arn: str) -> bool:
        """Tell whether `arn` is of this kind."""

    def problems(self, rule: Rule, request: Mapping[str, Any]) -> Iterator[str]:
        """Yield what is wrong with a target that PutTargets is to take."""

    def needed(self, request: Mapping[str, Any]) -> Needed | None:
        """Return what must be allowed to use the target; None: that is decided elsewhere."""

    def deliver(self, context: Context, outgoing: Outgoing) -> None:
        """Deliver one event.

        Args:
            context: on whose behalf.

        Raises:
            Undeliverable: trying again is of no use.
            Exception: anything else: it is tried again.
        """
