from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from modelyard.identity.credentials import (
    Credentials,
    CredentialsError,
    establish_credentials,
    new_access_key,
    read_credentials,
)
from modelyard.sealing import Session, open_session, seal_session

GIVEN = {
    "access_key_id": "MYROOTKEY0000000001",
    "secret_access_key": "a-secret-of-some-length",
    "token": "a-token-of-some-length",
}


def test_the_first_start_makes_credentials_that_only_the_owner_can_read(tmp_path: Path) -> None:
    path = tmp_path / "home" / "credentials"
    made = establish_credentials(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert read_credentials(path) == made == establish_credentials(path)
    assert (len(made.access_key_id), len(made.secret_access_key)) == (20, 40)
    assert made.access_key_id.isalnum()
    assert made.access_key_id.isupper()
    assert [entry.name for entry in path.parent.iterdir()] == ["credentials"]


def test_a_umask_that_gives_nothing_away_changes_nothing(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        establish_credentials(tmp_path / "credentials")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "credentials").stat().st_mode) == 0o600


def test_no_two_servers_have_the_same_credentials(tmp_path: Path) -> None:
    one, other = (establish_credentials(tmp_path / name) for name in ("one", "other"))
    assert one.secret_access_key != other.secret_access_key
    assert one.token != other.token
    assert one.sealing_key != other.sealing_key
    assert new_access_key(temporary=True) != new_access_key(temporary=True)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "credentials"
    establish_credentials(path)
    path.chmod(mode)
    with pytest.raises(CredentialsError, match=f"mode 0{mode:o}.*chmod 600"):
        establish_credentials(path)


def test_a_link_is_refused(tmp_path: Path) -> None:
    establish_credentials(tmp_path / "elsewhere")
    (tmp_path / "credentials").symlink_to("elsewhere")
    with pytest.raises(CredentialsError, match="is a link"):
        establish_credentials(tmp_path / "credentials")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"token": ""}', '{"token": 5}'])
def test_a_torn_file_is_refused_and_kept(tmp_path: Path, content: str) -> None:
    path = tmp_path / "credentials"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(CredentialsError, match="not whole"):
        establish_credentials(path)
    assert path.read_text() == content


def test_a_file_that_is_not_there_says_how_it_comes_about(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="modelyard up"):
        read_credentials(tmp_path / "credentials")


def test_given_credentials_are_in_force_and_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    establish_credentials(path)
    given = establish_credentials(path, **GIVEN)
    assert read_credentials(path) == given
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {name: getattr(given, name) for name in GIVEN} == GIVEN


def test_servers_with_the_same_given_credentials_open_each_others_sessions(tmp_path: Path) -> None:
    one, other = (establish_credentials(tmp_path / name, **GIVEN) for name in ("one", "other"))
    session = Session(
        access_key_id="MYSA",
        secret="s",
        account="123456789012",
        role_arn="arn:aws:iam::123456789012:role/r",
        session_name="n",
        expires_at=datetime(2040, 1, 1, tzinfo=UTC),
    )
    token = seal_session(session, one.sealing_key)
    assert open_session(token, other.sealing_key, datetime(2030, 1, 1, tzinfo=UTC)) == session
    assert GIVEN["secret_access_key"] not in one.sealing_key


def test_what_is_missing_or_weak_is_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    with pytest.raises(CredentialsError) as caught:
        establish_credentials(path, access_key_id="short", secret_access_key="spaces in it are bad")
    message = str(caught.value)
    assert "MODELYARD_ROOT_ACCESS_KEY_ID must be 8 to 128" in message
    assert "MODELYARD_ROOT_SECRET_ACCESS_KEY must be" in message
    assert "spaces in it" not in message
    assert not path.exists()


def test_half_an_access_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="MODELYARD_ROOT_SECRET_ACCESS_KEY is not set"):
        establish_credentials(tmp_path / "credentials", access_key_id=GIVEN["access_key_id"])


def test_a_token_alone_leaves_the_rest_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    made = establish_credentials(path)
    changed = establish_credentials(path, token=GIVEN["token"])
    assert changed.token == GIVEN["token"]
    assert changed.access_key_id == made.access_key_id
    assert changed.sealing_key == made.sealing_key


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CredentialsError, match="cannot be written"):
        establish_credentials(tmp_path / "file" / "credentials")


def test_credentials_are_never_shown(tmp_path: Path) -> None:
    made = establish_credentials(tmp_path / "credentials")
    for secret in (made.secret_access_key, made.token, made.sealing_key):
        assert secret not in repr(made)
        assert secret not in f"{made}"


def test_the_file_is_json(tmp_path: Path) -> None:
    made = establish_credentials(tmp_path / "credentials")
    assert Credentials(**json.loads((tmp_path / "credentials").read_text())) == made
