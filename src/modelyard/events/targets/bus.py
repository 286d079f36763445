"""Other buses, of this account or another: `arn:aws:events:<region>:<account>:event-bus/<name>`.

The event arrives as it was, with its own account and id. Another account's bus takes it as long as
its policy lets the rule's account put events there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelyard.events.arrivals import Arrival, put_on_bus
from modelyard.events.buses import BUS_KIND, PUT_EVENTS, Bus, find_bus, may_put
from modelyard.events.errors import NoSuchResource
from modelyard.events.inputs import has_input
from modelyard.events.rules import Rule
from modelyard.events.targets._base import Needed, Outgoing, Undeliverable
from modelyard.operations.context import Context
from modelyard.store.resources import Snapshot, Store


class BusTarget:
    """Puts events on buses."""

    name = "event-bus"
    needs_role = False

    def __init__(self, store: Store) -> None:
        self._store = store

    def is_meant(self, arn: str) -> bool:
        try:
            Bus.of_arn(arn)
        except NoSuchResource:
            return False
        return True

    def problems(self, rule: Rule, request: Mapping[str, Any]) -> Iterator[str]:
        bus = Bus.of_arn(request["Arn"])
        if bus == rule.bus:
            yield f"{bus.arn} is the rule's own bus: it would get its own events for ever"
            return
        if has_input(request):
            yield f"a {BUS_KIND} gets the event as it is: leave Input, InputPath, … out"
        with self._store.read() as snapshot:
            refusal = _refusal(snapshot, rule, bus)
        if refusal:
            yield refusal

    def needed(self, request: Mapping[str, Any]) -> Needed | None:
        return None  # the bus's own policy decides, at each delivery

    def deliver(self, context: Context, outgoing: Outgoing) -> None:
        bus = Bus.of_arn(outgoing.target.arn)
        with self._store.write() as transaction:
            refusal = _refusal(transaction, outgoing.rule, bus)
            if refusal:
                raise Undeliverable(refusal)
            put_on_bus(
                transaction,
                Arrival(
                    scope=bus.scope,
                    bus=bus.name,
                    envelope=outgoing.envelope,
                    resource=outgoing.resource,
                    depth=outgoing.depth,
                ),
            )


def _refusal(snapshot: Snapshot, rule: Rule, bus: Bus) -> str:
    account = rule.bus.scope.account
    try:
        if bus.scope.account == account:
            find_bus(snapshot, bus)
            return ""
        root = f"arn:aws:iam::{account}:root"
        allowed = may_put(snapshot, bus, account=account, principal=root)
    except NoSuchResource as error:
        return error.message
    if allowed:
        return ""
    return (
        f"the policy of {bus.arn} does not allow {PUT_EVENTS} to account {account}: its owner "
        "allows it with PutPermission"
    )
