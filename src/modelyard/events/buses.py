"""Event buses: `default`, which every account has, and those that it made.

A bus has a policy, which says who of other accounts may put events on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.arns import Arn
from modelyard.events.bus_event import DEFAULT_BUS
from modelyard.events.errors import NoSuchResource
from modelyard.identity import iam_documents
from modelyard.operations.context import Context
from modelyard.operations.requests import scope_of
from modelyard.store.resources import Resource, Scope, Snapshot

BUS_KIND = "event-bus"
PUT_EVENTS = "events:PutEvents"


@dataclass(frozen=True, kw_only=True)
class Bus:
    """A bus's name and place."""

    scope: Scope
    name: str

    @property
    def arn(self) -> str:
        return str(
            Arn(
                service="events",
                region=self.scope.region,
                account=self.scope.account,
                resource=f"{BUS_KIND}/{self.name}",
            )
        )

    @classmethod
    def named(cls, context: Context, text: str | None) -> Bus:
        """Return the bus of a name, or of an ARN; the default bus where there is no text.

        Raises:
            NoSuchResource: the ARN is no bus's.
        """
        if not text or not text.startswith("arn:"):
            return cls(scope=scope_of(context), name=text or DEFAULT_BUS)
        return cls.of_arn(text)

    @classmethod
    def of_arn(cls, text: str) -> Bus:
        """Return the bus of an ARN.

        Raises:
            NoSuchResource: it is no bus's.
        """
        try:
            arn = Arn.parse(text)
        except ValueError as error:
            raise NoSuchResource(str(error)) from error
        if arn.service != "events" or arn.kind != BUS_KIND or not arn.name:
            raise NoSuchResource(f"{text} is not the ARN of an event bus")
        return cls(scope=Scope(account=arn.account, region=arn.region), name=arn.name)


def find_bus(snapshot: Snapshot, bus: Bus) -> Resource | None:
    """Return the row of a bus; None also of a default bus that nobody has changed yet.

    Raises:
        NoSuchResource: there is no such bus.
    """
    found = snapshot.find(bus.scope, BUS_KIND, bus.name)
    if found is None and bus.name != DEFAULT_BUS:
        raise NoSuchResource(f"Event bus {bus.name} does not exist.")
    return found


def policy_of(row: Resource | None) -> Mapping[str, Any]:
    """Return the policy of a bus: a document without statements where it has none."""
    policy: Mapping[str, Any] = {} if row is None else row.spec.get("Policy") or {}
    return policy or {"Version": "2012-10-17", "Statement": []}


def may_put(snapshot: Snapshot, bus: Bus, *, account: str, principal: str) -> bool:
    """Tell whether a bus's policy lets somebody of another account put events on it.

    Raises:
        NoSuchResource: there is no such bus.
    """
    policy = policy_of(find_bus(snapshot, bus))
    if not policy["Statement"]:
        return False
    effect = iam_documents.evaluate(
        policy,
        principal_arn=principal,
        principal_account=account,
        action=PUT_EVENTS,
        resource=bus.arn,
        condition_values={},
    )
    return effect == "Allow"


def on_bus(member: str) -> Callable[[Context, Mapping[str, Any]], str]:
    """The bus whose name or ARN is in `member`; the default one where it is missing."""

    def find(context: Context, request: Mapping[str, Any]) -> str:
        value = request.get(member)
        if isinstance(value, str) and value.startswith("arn:"):
            return value
        name = value if isinstance(value, str) and value else DEFAULT_BUS
        return Bus(scope=scope_of(context), name=name).arn

    return find


def on_buses_of_entries(context: Context, request: Mapping[str, Any]) -> str:
    """The bus that all entries are for; every bus where they are for several."""
    entries = request.get("Entries")
    if not isinstance(entries, list | tuple) or not all(
        isinstance(entry, Mapping) for entry in entries
    ):
        entries = []
    arns = {on_bus("EventBusName")(context, entry) for entry in entries}
    return arns.pop() if len(arns) == 1 else Bus(scope=scope_of(context), name="*").arn
