"""What can be asked of the inbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelyard.arns import Arn
from modelyard.destinations import INBOX
from modelyard.events.inbox import Inbox
from modelyard.events.paging import new_token, number_of, token_of
from modelyard.operations.context import Context
from modelyard.operations.table import Request, Response, operation

DEFAULT_PAGE = 100


def _topic(context: Context, request: Mapping[str, Any]) -> str:
    topic = request.get("Topic", INBOX)
    arn = Arn(
        service="sns",
        region=context.region,
        account=context.account,
        resource=topic if isinstance(topic, str) and topic else "*",
    )
    return str(arn)


class InboxOperations:
    """Read the inbox's notifications."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    @operation("modelyard", "ListNotifications", on=_topic)
    def list_notifications(self, context: Context, request: Request) -> Response:
        after = number_of(token_of(request.get("NextToken")) or "0")
        found, position = self._inbox.read(
            context.account,
            request.get("Topic", INBOX),
            after,
            limit=request.get("MaxResults", DEFAULT_PAGE),
        )
        return {
            "Notifications": [_notification(one) for one in found],
            "NextToken": new_token(str(position)),
        }


def _notification(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Time": found.get("time"),
        "Title": found.get("title"),
        "Text": found.get("text"),
        "EventId": found.get("event_id"),
        "Rule": found.get("rule"),
        "Resources": found.get("resources"),
    }
