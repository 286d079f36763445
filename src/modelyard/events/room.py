"""The event bus as a whole: what it is made of, and what of it others hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modelyard.destinations import Topic, Webhook
from modelyard.events.apprise_notifier import AppriseNotifier
from modelyard.events.bus_operations import BusOperations
from modelyard.events.dead_letter_operations import DeadLetterOperations
from modelyard.events.delivery import Courier
from modelyard.events.dispatcher import Dispatcher, Pace
from modelyard.events.event_operations import EventOperations
from modelyard.events.inbox import Inbox
from modelyard.events.inbox_operations import InboxOperations
from modelyard.events.router import SUBSCRIBER, Router
from modelyard.events.rule_operations import RuleOperations
from modelyard.events.rules import Rulebook
from modelyard.events.scheduler import Scheduler
from modelyard.events.tally import Tally
from modelyard.events.target_operations import TargetOperations
from modelyard.events.targets.bus import BusTarget
from modelyard.events.targets.notification import NotificationTarget
from modelyard.events.targets.operation import OperationTarget
from modelyard.events.targets.pipeline import PipelineTarget, Provision
from modelyard.events.targets.webhook import WebhookTarget
from modelyard.operations.table import OperationTable
from modelyard.outbound import Outbound
from modelyard.store.outbox import Outbox
from modelyard.store.resources import Store


class EventBus:
    """Adds its operations to the table and subscribes to the outbox when it is made; whoever made
    it starts and stops it.

    Args:
        inbox: folder of the notifications that are kept.
        provision: provisions an orchestrator's pipeline.
    """

    def __init__(
        self,
        store: Store,
        table: OperationTable,
        outbox: Outbox,
        *,
        topics: Sequence[Topic],
        webhooks: Sequence[Webhook],
        outbound: Outbound,
        inbox: Path,
        provision: Provision,
        pace: Pace | None = None,
    ) -> None:
        self.tally = Tally()
        self.inbox = Inbox(inbox)
        self.courier = Courier(
            store,
            table,
            [
                NotificationTarget(topics, self.inbox, AppriseNotifier()),
                OperationTarget(table),
                PipelineTarget(provision),
                WebhookTarget(webhooks, outbound),
                BusTarget(store),
            ],
        )
        self.dispatcher = Dispatcher(store, self.courier, self.tally, pace)
        self.scheduler = Scheduler(store, self.dispatcher.hint)
        rulebook = Rulebook(store)
        self.router = Router(store, rulebook, self.dispatcher.hint)
        outbox.project(SUBSCRIBER, self.router)
        for capability in (
            BusOperations(store, rulebook),
            RuleOperations(store, table, rulebook),
            TargetOperations(store, table, rulebook, self.courier),
            EventOperations(store),
            DeadLetterOperations(store, self.dispatcher.hint),
            InboxOperations(self.inbox),
        ):
            table.add(capability)

    async def start(self) -> None:
        """Begin to deliver, and to look at the clock."""
        await self.dispatcher.start()
        await self.scheduler.start()

    async def stop(self) -> None:
        """Stop; what is on its way now may be delivered again at the next start."""
        await self.scheduler.stop()
        await self.dispatcher.stop()
