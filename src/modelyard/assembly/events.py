"""The event bus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from modelyard.assembly.ground import Ground
from modelyard.events.buses import BUS_KIND
from modelyard.events.room import EventBus
from modelyard.identity.policies.shares import KeptPolicies
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.orchestrator.errors import BadRequest
from modelyard.orchestrator.service import OrchestratorService
from modelyard.outbound import Outbound
from modelyard.store.outbox import Event, Outbox

log = structlog.get_logger(__name__)


def add_events(ground: Ground, outbox: Outbox, service: OrchestratorService) -> EventBus:
    def provision(context: Context, body: Mapping[str, Any]) -> object:
        try:
            return service.provision(context, body)
        except BadRequest as error:
            raise ValidationError(str(error)) from error

    settings = ground.settings
    # Who of another account may put events on a bus is what its own policy says.
    ground.shares.add(KeptPolicies(ground.store, "events", BUS_KIND, "Policy"))
    return EventBus(
        ground.store,
        ground.table,
        outbox,
        topics=settings.topics(),
        webhooks=settings.webhooks,
        outbound=Outbound(settings.outbound_allowed_hosts),
        inbox=ground.home.inbox,
        provision=provision,
    )


async def tell(event: Event) -> None:
    """Log what happened: the notification that needs no set-up."""
    log.info("event", kind=event.kind, resource=event.arn, status=event.status)


async def tell_all(events: Sequence[Event]) -> None:
    """Log what happened, several at once."""
    for event in events:
        await tell(event)
