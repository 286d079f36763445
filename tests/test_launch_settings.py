"""The launch options as settings: what each may be, and what does not go together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modelyard.launch_settings import OUTCOMES
from modelyard.settings import Settings, SettingsError, load


def loaded(home: Path, **options: Any) -> Settings:
    return load({"home": home, **options}, environment={})


def problems(home: Path, **options: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        loaded(home, **options)
    return str(caught.value)


def test_outcomes_go_by_mail_to_the_address_beside_the_topics_that_are_there(
    tmp_path: Path,
) -> None:
    found = loaded(
        tmp_path,
        notification_email="ops@example.org",
        mail_server="mailtos://user:pw@mail.example.org?from=yard@example.org",
        notifications={"chat": {"urls": ["slack://x"]}},
    )
    chat, outcomes = found.topics()
    assert chat.name == "chat"
    assert outcomes.name == OUTCOMES
    assert outcomes.urls == (
        "mailtos://user:pw@mail.example.org?from=yard@example.org&to=ops%40example.org",
    )
    assert "pw@" not in repr(found)


def test_an_address_without_a_server_that_sends_is_told(tmp_path: Path) -> None:
    assert "needs mail_server" in problems(tmp_path, notification_email="ops@example.org")
    assert loaded(tmp_path).topics() == ()


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("mlops-config", "mlops-config"),
        ("https://git-codecommit.us-east-1.amazonaws.com/v1/repos/mine", "mine"),
        ("http://127.0.0.1:8080/v1/repos/mine", "mine"),
    ],
)
def test_a_repository_is_named_or_given_by_its_address(
    tmp_path: Path, given: str, name: str
) -> None:
    assert loaded(tmp_path, configuration_repository=given).configuration_repository == name


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("configuration_repository", "a/b", "repository's name"),
        ("configuration_repository", "../x", "repository's name"),
        ("configuration_repository", "x.git", "without .git"),
        ("configuration_repository", "https://example.org/x", "repository's name"),
        ("configuration_bucket", "UPPER", "bucket's name"),
        ("existing_assets_bucket", "a..b", "bucket's name"),
        ("existing_image_repository", "Upper", "repository's name"),
        ("notification_email", "nobody", "an e-mail address"),
        ("delegated_administrator", False, "is not offered"),
    ],
)
def test_a_value_that_breaks_its_rule_is_told(
    tmp_path: Path, name: str, value: object, said: str
) -> None:
    found = problems(tmp_path, **{name: value})
    assert name in found
    assert said in found


def test_a_mail_server_that_is_none_is_told_without_its_value(tmp_path: Path) -> None:
    found = problems(tmp_path, mail_server="smtp://user:secret@mail.example.org")
    assert "must be mailtos://" in found
    assert "secret" not in found


def test_an_existing_assets_bucket_is_the_assets_bucket(tmp_path: Path) -> None:
    assert loaded(tmp_path, existing_assets_bucket="ours").assets_bucket == "ours"
    both = problems(tmp_path, existing_assets_bucket="ours", assets_bucket="theirs")
    assert "leave one out" in both


def test_a_repository_without_git_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)
    assert "install git" in problems(tmp_path, configuration_repository="mine")
