from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from modelyard.destinations import Topic, topics, webhooks
from modelyard.settings import SettingsError, load

SECRET = "a secret of 24 characters"


def test_topics_and_webhooks_come_from_the_file_and_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "modelyard.toml"
    file.write_text(
        '[notifications.mlops]\nurls = ["mailto://u:p@example.org"]\n'
        f'[webhooks.ci]\nurl = "https://ci.example.org"\nsecret = "{SECRET}"\n'
    )
    file.chmod(0o600)
    found = load(config=file, environment={})
    assert found.notifications == (Topic(name="mlops", urls=("mailto://u:p@example.org",)),)
    assert found.webhooks[0].key == SECRET.encode()
    assert "example.org" not in repr(found)
    key = base64.b64encode(b"k" * 32).decode()
    given = {"ci": {"url": "https://other.example.org", "secret": f"whsec_{key}"}}
    overridden = load(config=file, environment={"MODELYARD_WEBHOOKS": json.dumps(given)})
    assert (overridden.webhooks[0].url, overridden.webhooks[0].key) == (
        "https://other.example.org",
        b"k" * 32,
    )


def test_a_file_with_passwords_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "modelyard.toml"
    file.write_text('[notifications.mlops]\nurls = ["mailto://u:p@example.org"]\n')
    file.chmod(0o644)
    with pytest.raises(SettingsError, match="holds notifications") as caught:
        load(config=file, environment={})
    assert "u:p" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        [],
        "{",
        {"a b": {"urls": ["x://y"]}},
        {"t": {"urls": []}},
        {"t": {"urls": ["no url"]}},
        {"t": {"urls": "x://y"}},
        {"t": {"urls": ["x://y"], "more": 1}},
        {"inbox": {"urls": ["x://y"]}},
    ],
)
def test_what_is_no_topic_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"table of topics|always there"):
        topics(value)


@pytest.mark.parametrize(
    "entry",
    [
        {"url": "https://x"},
        {"url": "ftp://x", "secret": SECRET},
        {"url": "https://x", "secret": "short"},
        {"url": "https://x", "secret": "whsec_!!!"},
        {"url": "https://x", "secret": "whsec_" + base64.b64encode(b"short").decode()},
        {"url": 1, "secret": SECRET},
    ],
)
def test_what_is_no_webhook_is_refused(entry: Any) -> None:
    with pytest.raises(ValueError, match="table of webhooks"):
        webhooks({"ci": entry})
