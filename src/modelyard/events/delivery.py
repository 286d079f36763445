"""One delivery: find the rule and its target, work out who acts, and hand it over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from modelyard.events.inputs import input_of
from modelyard.events.rules import Rule, RuleTarget, targets_of
from modelyard.events.targets import Outgoing, TargetKind, Undeliverable
from modelyard.identity.principals import session_of
from modelyard.operations.context import Context
from modelyard.operations.errors import AccessDenied
from modelyard.operations.table import OperationTable
from modelyard.store import causes
from modelyard.store.resources import Resource, Store
from modelyard.store.target_deliveries import TargetDelivery

SOURCE = "event-bus"


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where a delivery goes."""

    rule: Rule
    target: RuleTarget
    kind: TargetKind


class Courier:
    """Delivers single events; it blocks. Safe to use from many threads."""

    def __init__(self, store: Store, table: OperationTable, kinds: Sequence[TargetKind]) -> None:
        self._store = store
        self._table = table
        self._kinds = kinds

    def kind_of(self, arn: str) -> TargetKind | None:
        """Return the kind of target that an ARN is of, None where it is of none."""
        return next((kind for kind in self._kinds if kind.is_meant(arn)), None)

    def destination(self, delivery: TargetDelivery) -> Destination:
        """Return where a delivery goes.

        Raises:
            Undeliverable: the rule, or its target, is gone.
        """
        with self._store.read() as snapshot:
            row = snapshot.find_by_arn(delivery.queue.rule_arn)
        target = None if row is None else _target(row, delivery.queue.target)
        kind = None if target is None else self.kind_of(target.arn)
        if row is None or target is None or kind is None:
            raise Undeliverable(
                f"the rule {delivery.queue.rule_arn} has no target {delivery.queue.target} any "
                "more: put it there again to replay this, or delete this"
            )
        return Destination(rule=Rule.of(row), target=target, kind=kind)

    def deliver(self, delivery: TargetDelivery, destination: Destination) -> None:
        """Deliver one event.

        Raises:
            Undeliverable: trying again is of no use.
            Exception: anything else: it is tried again.
        """
        rule, target, kind = destination.rule, destination.target, destination.kind
        try:
            found = input_of(target.request, delivery.event, rule_arn=rule.arn, rule_name=rule.name)
        except ValueError as error:
            raise Undeliverable(str(error)) from error
        outgoing = Outgoing(
            rule=rule,
            target=target,
            envelope=delivery.event,
            input=found,
            resource=delivery.resource,
            depth=delivery.depth + 1,
        )
        context = acting(rule, target, delivery.event_id)
        needed = kind.needed(target.request)
        with causes.within(outgoing.depth):
            if needed is None:
                kind.deliver(context, outgoing)
                return
            try:
                with self._table.guard(context, needed.action, needed.resource, needed.request):
                    kind.deliver(context, outgoing)
            except AccessDenied as error:
                raise Undeliverable(error.message) from error


def acting(rule: Rule, target: RuleTarget, request_id: str) -> Context:
    """Return on whose behalf a target acts: as a session of its role, or the rule's; else as who
    put it there."""
    role = target.request.get("RoleArn") or rule.role_arn
    principal = target.put_by
    if role:
        # The person who put the target stands behind the session, in the audit and in approvals.
        session = session_of(role, f"events-{rule.name}"[:64])
        principal = replace(session, person=target.put_by.person)
    return Context(
        account=rule.bus.scope.account,
        region=rule.bus.scope.region,
        principal=principal,
        request_id=request_id,
        source=SOURCE,
    )


def _target(row: Resource, id_: str) -> RuleTarget | None:
    return next((target for target in targets_of(row) if target.id == id_), None)
