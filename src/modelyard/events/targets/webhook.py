"""Webhooks: `arn:aws:events:<region>:<account>:api-destination/<name>`, a webhook of the settings.

Events are posted as JSON and signed as https://www.standardwebhooks.com asks: the headers
`webhook-id` (the event's, the same at each attempt), `webhook-timestamp` and `webhook-signature`,
`v1,` and the base64 of HMAC-SHA-256 over `<id>.<timestamp>.<body>`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from modelyard import clock
from modelyard.arns import Arn
from modelyard.destinations import Webhook
from modelyard.events.rules import Rule
from modelyard.events.targets._base import Needed, Outgoing, Undeliverable
from modelyard.operations.context import Context
from modelyard.outbound import Outbound

KIND = "api-destination"
#: What a receiver answers that will not take the event however often it is asked.
_FINAL = frozenset({400, 404, 405, 410, 413, 414, 415, 422, 501})


class NotTaken(Exception):
    """The receiver answered with an error."""


class WebhookTarget:
    """Posts events to programs elsewhere."""

    name = "webhook"
    needs_role = False

    def __init__(
        self,
        webhooks: Sequence[Webhook],
        outbound: Outbound,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._webhooks = {webhook.name: webhook for webhook in webhooks}
        self._outbound = outbound
        self._now = now

    def is_meant(self, arn: str) -> bool:
        try:
            parts = Arn.parse(arn)
        except ValueError:
            return False
        return parts.service == "events" and parts.kind == KIND

    def problems(self, rule: Rule, request: Mapping[str, Any]) -> Iterator[str]:
        arn = Arn.parse(request["Arn"])
        if (arn.account, arn.region) != (rule.bus.scope.account, rule.bus.scope.region):
            yield f"{arn} is not in the rule's account and region"
        elif arn.name not in self._webhooks:
            known = ", ".join(sorted(self._webhooks)) or "none"
            yield (
                f"there is no webhook {arn.name!r} ({known}): write it into the settings as "
                f"[webhooks.{arn.name}]"
            )

    def needed(self, request: Mapping[str, Any]) -> Needed | None:
        return Needed(
            action="events:InvokeApiDestination", resource=request["Arn"], request=request
        )

    def deliver(self, context: Context, outgoing: Outgoing) -> None:
        webhook = self._webhooks.get(Arn.parse(outgoing.target.arn).name)
        if webhook is None:
            raise Undeliverable(f"{outgoing.target.arn} is no longer in the settings")
        body = json.dumps(outgoing.input, ensure_ascii=False).encode()
        id_ = str(outgoing.envelope["id"])
        timestamp = str(int(self._now().timestamp()))
        answer = self._outbound.call(
            "POST",
            webhook.url,
            body=body,
            headers={
                "Content-Type": "application/json",
                "webhook-id": id_,
                "webhook-timestamp": timestamp,
                "webhook-signature": signature(webhook.key, id_, timestamp, body),
            },
        )
        if answer.status in _FINAL:
            raise Undeliverable(f"the webhook {webhook.name} answered {answer.status}")
        if not 200 <= answer.status < 300:
            raise NotTaken(f"the webhook {webhook.name} answered {answer.status}")


def signature(key: bytes, id_: str, timestamp: str, body: bytes) -> str:
    """Return what the header `webhook-signature` of a request holds."""
    signed = f"{id_}.{timestamp}.".encode() + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
