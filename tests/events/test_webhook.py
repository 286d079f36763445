"""Webhooks: what is posted, how it is signed, and what an answer means."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from modelyard.destinations import Webhook
from modelyard.events.buses import Bus
from modelyard.events.rules import Rule, RuleTarget
from modelyard.events.targets import Outgoing, Undeliverable
from modelyard.events.targets.webhook import NotTaken, WebhookTarget, signature
from modelyard.outbound import Answer, Outbound, OutboundError
from tests.events.world import ACCOUNT, REGION, SCOPE, caller

HOOK = f"arn:aws:events:{REGION}:{ACCOUNT}:api-destination/ci"
KEY = b"k" * 24
AT = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


class Answering(Outbound):
    """Answers with one status, and keeps what it was asked to send."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status
        self.sent: list[tuple[str, str, bytes, Mapping[str, str]]] = []

    def call(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        max_bytes: int = 0,
        seconds: float = 0,
    ) -> Answer:
        self.sent.append((method, url, body, headers or {}))
        return Answer(status=self.status, headers={}, body=b"")


def outgoing(id_: str = "e-1") -> Outgoing:
    rule = Rule(
        arn="arn:rule",
        name="r",
        bus=Bus(scope=SCOPE, name="default"),
        pattern=None,
        enabled=True,
        role_arn="",
        targets=[],
    )
    target = RuleTarget(request={"Id": "t", "Arn": HOOK}, put_by=caller().principal)
    return Outgoing(
        rule=rule,
        target=target,
        envelope={"id": id_},
        input={"é": 1},
        resource="arn:one",
        depth=1,
    )


def target_of(outbound: Outbound, url: str = "https://ci.example.org/hook") -> WebhookTarget:
    return WebhookTarget([Webhook(name="ci", url=url, key=KEY)], outbound, now=lambda: AT)


def test_an_event_is_posted_as_json_with_its_id_a_time_and_a_signature() -> None:
    outbound = Answering(204)
    target_of(outbound).deliver(caller(), outgoing())
    ((method, url, body, headers),) = outbound.sent
    assert (method, url) == ("POST", "https://ci.example.org/hook")
    assert json.loads(body) == {"é": 1}
    timestamp = str(int(AT.timestamp()))
    assert headers["webhook-id"] == "e-1"
    assert headers["webhook-timestamp"] == timestamp
    digest = hmac.new(KEY, f"e-1.{timestamp}.".encode() + body, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


def test_the_signature_is_that_of_the_specifications_example() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    found = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("status", [301, 401, 403, 408, 409, 429, 500, 503])
def test_what_may_pass_is_tried_again(status: int) -> None:
    with pytest.raises(NotTaken, match=str(status)):
        target_of(Answering(status)).deliver(caller(), outgoing())


@pytest.mark.parametrize("status", [400, 404, 410, 422])
def test_what_will_never_be_taken_is_not(status: int) -> None:
    with pytest.raises(Undeliverable, match=str(status)):
        target_of(Answering(status)).deliver(caller(), outgoing())


@pytest.mark.parametrize("url", ["https://127.0.0.1/hook", "http://ci.example.org/hook"])
def test_a_private_host_is_not_called_and_none_in_plain_http(url: str) -> None:
    with pytest.raises(OutboundError, match="outbound_allowed_hosts"):
        target_of(Outbound(), url).deliver(caller(), outgoing())


def test_a_webhook_tells_its_url_and_key_to_nobody_who_prints_it() -> None:
    shown: Any = repr(Webhook(name="ci", url="https://secret.example.org", key=KEY))
    assert "secret" not in shown
    assert "kkk" not in shown
