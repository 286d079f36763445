"""What can be asked of dead letters."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from modelyard.events.bus_event import DEFAULT_BUS
from modelyard.events.bus_operations import own_bus
from modelyard.events.paging import new_token, number_of, token_of
from modelyard.events.rules import on_rule, rule_arn
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.operations.requests import scope_of
from modelyard.operations.table import Request, Response, operation
from modelyard.store import target_deliveries as rows
from modelyard.store.resources import Store
from modelyard.store.target_deliveries import DeadLetters, TargetDelivery

DEFAULT_PAGE = 100


class DeadLetterOperations:
    """List, replay and delete events that were given up.

    Args:
        queued: called after dead letters became due again.
    """

    def __init__(self, store: Store, queued: Callable[[], None]) -> None:
        self._store = store
        self._queued = queued

    @operation("modelyard", "ListDeadLetters", on=on_rule("Rule"))
    def list_dead_letters(self, context: Context, request: Request) -> Response:
        limit = request.get("MaxResults", DEFAULT_PAGE)
        after = number_of(token_of(request.get("NextToken")) or "0")
        with self._store.database.read() as connection:
            found = rows.dead_letters(
                connection, _meant(context, request, after=after), limit=limit + 1
            )
        page = found[:limit]
        return {
            "DeadLetters": [_described(one) for one in page],
            "NextToken": new_token(str(page[-1].id)) if len(found) > limit else None,
        }

    @operation("modelyard", "ReplayDeadLetters", on=on_rule("Rule"))
    def replay_dead_letters(self, context: Context, request: Request) -> Response:
        with self._store.database.write() as connection:
            count = rows.replay(connection, _meant(context, request))
        self._queued()
        return {"Count": count}

    @operation("modelyard", "DeleteDeadLetters", on=on_rule("Rule"))
    def delete_dead_letters(self, context: Context, request: Request) -> Response:
        with self._store.database.write() as connection:
            return {"Count": rows.delete(connection, _meant(context, request))}


def _meant(context: Context, request: Request, *, after: int = 0) -> DeadLetters:
    """Return which dead letters a request is about.

    Raises:
        ValidationError: an id is none.
    """
    rule = None
    if "Rule" in request:
        bus = own_bus(context, request.get("EventBusName", DEFAULT_BUS))
        rule = rule_arn(bus.scope, bus.name, request["Rule"])
    elif "TargetId" in request or "EventBusName" in request:
        raise ValidationError("TargetId and EventBusName go with Rule: give the rule's name too")
    return DeadLetters(
        scope=scope_of(context),
        rule_arn=rule,
        target=request.get("TargetId"),
        ids=None if "Ids" not in request else [number_of(id_) for id_ in request["Ids"]],
        after=after,
    )


def _described(letter: TargetDelivery) -> dict[str, Any]:
    return {
        "Id": str(letter.id),
        "RuleArn": letter.queue.rule_arn,
        "TargetId": letter.queue.target,
        "EventId": letter.event_id,
        "Event": json.dumps(letter.event, ensure_ascii=False),
        "Attempts": letter.attempts,
        "Error": letter.error,
        "CreationTime": letter.created_at,
    }
