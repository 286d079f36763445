"""Where the operator lets events go: topics for people, webhooks for programs. From the settings::

    [notifications.mlops]
    urls = ["mailto://user:password@example.org", "slack://…"]

    [webhooks.deployments]
    url = "https://ci.example.org/hooks/modelyard"
    secret = "whsec_…"

Both functions are rules of settings, as those in `setting_rules`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

INBOX = "inbox"
MIN_SECRET_BYTES = 24  # as the Standard Webhooks specification asks
_SECRET_PREFIX = "whsec_"  # noqa: S105 - what a secret begins with
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, kw_only=True)
class Topic:
    """Whom a notification reaches, as Apprise's URLs, which hold passwords."""

    name: str
    urls: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """A URL that gets events, and the key that they are signed with."""

    name: str
    url: str = field(repr=False)
    key: bytes = field(repr=False)


def topics(value: object) -> tuple[Topic, ...]:
    """Return the topics of a table `notifications`."""
    rule = 'is a table of topics, each with a list of URLs: [notifications.mlops] urls = ["mailto://…"]'
    found = []
    for name, entry in _tables(value, rule).items():
        urls = entry.get("urls")
        if set(entry) != {"urls"} or not isinstance(urls, list) or not urls:
            raise ValueError(rule)
        if not all(isinstance(url, str) and "://" in url for url in urls):
            raise ValueError(rule)
        if name == INBOX:
            raise ValueError(f"has a topic {INBOX}, which is always there: choose another name")
        found.append(Topic(name=name, urls=tuple(urls)))
    return tuple(found)


def webhooks(value: object) -> tuple[Webhook, ...]:
    """Return the webhooks of a table `webhooks`."""
    rule = (
        'is a table of webhooks, each with url = "https://…" and secret, at least '
        f"{MIN_SECRET_BYTES} characters, or whsec_ and base64"
    )
    found = []
    for name, entry in _tables(value, rule).items():
        url, secret = entry.get("url"), entry.get("secret")
        if set(entry) != {"url", "secret"} or not isinstance(url, str):
            raise ValueError(rule)
        if not url.startswith(("https://", "http://")) or not isinstance(secret, str):
            raise ValueError(rule)
        key = _key(secret)
        if len(key) < MIN_SECRET_BYTES:
            raise ValueError(rule)
        found.append(Webhook(name=name, url=url, key=key))
    return tuple(found)


def _key(secret: str) -> bytes:
    if not secret.startswith(_SECRET_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except (ValueError, binascii.Error):
        return b""


def _tables(value: object, rule: str) -> Mapping[str, Mapping[str, Any]]:
    if isinstance(value, str):  # from the environment, as JSON
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{rule}; in the environment as JSON") from error
    if not isinstance(value, dict) or not all(
        isinstance(name, str) and _NAME.fullmatch(name) and isinstance(entry, dict)
        for name, entry in value.items()
    ):
        raise ValueError(rule)
    return value
