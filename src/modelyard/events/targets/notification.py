"""Notifications: `arn:aws:sns:<region>:<account>:<topic>`.

A topic of the settings reaches people over Apprise: e-mail, SMS, chat. The topic `inbox` is always
there, and every topic's notifications are in the log and in the inbox too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import structlog

from modelyard.arns import Arn
from modelyard.destinations import INBOX, Topic
from modelyard.events.inbox import Inbox
from modelyard.events.inputs import has_input
from modelyard.events.rules import Rule
from modelyard.events.targets._base import Needed, Outgoing
from modelyard.events.texts import text_of
from modelyard.operations.context import Context

log = structlog.get_logger(__name__)


class Notifier(Protocol):
    """Sends a notification to people."""

    def send(self, urls: Sequence[str], title: str, text: str) -> None:
        """Send to each of the URLs.

        Raises:
            Exception: it did not reach all of them.
        """


class NotificationTarget:
    """Tells people."""

    name = "notification"
    needs_role = False

    def __init__(self, topics: Sequence[Topic], inbox: Inbox, notifier: Notifier) -> None:
        self._urls = {topic.name: topic.urls for topic in topics}
        self._inbox = inbox
        self._notifier = notifier

    def is_meant(self, arn: str) -> bool:
        return _service(arn) == "sns"

    def problems(self, rule: Rule, request: Mapping[str, Any]) -> Iterator[str]:
        arn = Arn.parse(request["Arn"])
        if arn.account != rule.bus.scope.account or arn.region != rule.bus.scope.region:
            yield f"{arn} is not a topic of the rule's account and region"
        elif arn.resource != INBOX and arn.resource not in self._urls:
            known = ", ".join(sorted({INBOX, *self._urls}))
            yield (
                f"there is no topic {arn.resource!r}: there are {known}; write another into the "
                f"settings as [notifications.{arn.resource}]"
            )

    def needed(self, request: Mapping[str, Any]) -> Needed | None:
        arn = request["Arn"]
        return Needed(
            action="modelyard:PublishNotification", resource=arn, request={"TopicArn": arn}
        )

    def deliver(self, context: Context, outgoing: Outgoing) -> None:
        topic = Arn.parse(outgoing.target.arn).resource
        envelope = outgoing.envelope
        title = str(envelope["detail-type"])
        text = _text(outgoing)
        # People first: what fails is tried again, and must not fill the inbox meanwhile.
        if topic in self._urls:
            self._notifier.send(self._urls[topic], title, text)
        self._inbox.add(
            context.account,
            topic,
            {
                "time": envelope["time"],
                "title": title,
                "text": text,
                "event_id": envelope["id"],
                "rule": outgoing.rule.name,
                "resources": envelope["resources"],
            },
        )
        log.info("notification", topic=topic, title=title, text=text, event_id=envelope["id"])


def _text(outgoing: Outgoing) -> str:
    if not has_input(outgoing.target.request):
        return text_of(outgoing.envelope)
    found = outgoing.input
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


def _service(arn: str) -> str:
    try:
        return Arn.parse(arn).service
    except ValueError:
        return ""
