from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard import clock
from modelyard.sealing import (
    Revocation,
    SealError,
    Session,
    SessionExpired,
    new_sealing_key,
    open_session,
    open_text,
    seal_session,
    seal_text,
)

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
KEY = new_sealing_key()
PERSON = "arn:aws:iam::123456789012:user/ada"
FIRST = "arn:aws:iam::123456789012:role/first"
SESSION = Session(
    access_key_id="ASIAEXAMPLE",
    secret="hush/hush+hush",
    account="123456789012",
    role_arn="arn:aws:iam::123456789012:role/modelyard-execution",
    session_name="notebook",
    expires_at=NOW + timedelta(hours=1, microseconds=1),
)
TOKEN = seal_session(SESSION, KEY)


@given(secret=st.text(), name=st.text(max_size=64))
def test_a_sealed_session_opens_as_it_was(secret: str, name: str) -> None:
    session = replace(
        SESSION,
        secret=secret,
        session_name=name,
        issued_at=NOW,
        person=PERSON,
        chain=(FIRST, SESSION.role_arn),
        source_identity=name,
    )
    assert open_session(seal_session(session, KEY), KEY, NOW) == session


def test_a_session_of_another_time_zone_opens_at_the_same_moment() -> None:
    moment = SESSION.expires_at.astimezone(timezone(timedelta(hours=2)))
    session = replace(SESSION, expires_at=moment)
    assert open_session(seal_session(session, KEY), KEY, NOW).expires_at == moment


def test_two_tokens_of_one_session_differ_and_show_nothing_of_it() -> None:
    other = seal_session(SESSION, KEY)
    assert other != TOKEN
    assert "ASIA" not in TOKEN
    assert SESSION.secret not in repr(SESSION)


@given(position=st.integers(0, len(TOKEN) - 1), character=st.characters())
def test_no_character_of_a_token_can_be_changed(position: int, character: str) -> None:
    altered = TOKEN[:position] + character + TOKEN[position + 1 :]
    if altered != TOKEN:
        with pytest.raises(SealError):
            open_session(altered, KEY, NOW)


@given(st.text(max_size=40) | st.binary(max_size=40).map(bytes.hex))
def test_text_that_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(SealError):
        open_session(text, KEY, NOW)


@pytest.mark.parametrize("text", ["", "AQ", TOKEN[:-1], TOKEN + "=", TOKEN + "\n", "A" * 100_000])
def test_a_token_that_is_cut_or_longer_is_refused(text: str) -> None:
    with pytest.raises(SealError):
        open_session(text, KEY, NOW)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(SealError):
        open_session(TOKEN, new_sealing_key(), NOW)


def test_a_session_ends_at_its_time() -> None:
    open_session(TOKEN, KEY, SESSION.expires_at - timedelta(microseconds=1))
    with pytest.raises(SessionExpired, match="expired"):
        open_session(TOKEN, KEY, SESSION.expires_at)


@pytest.mark.parametrize("key", ["", "not base64!", "c2hvcnQ"])
def test_a_malformed_sealing_key_is_named_as_such(key: str) -> None:
    with pytest.raises(SealError, match="sealing key"):
        seal_session(SESSION, key)


def test_a_naive_expiry_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        replace(SESSION, expires_at=datetime(2026, 11, 21))  # noqa: DTZ001


@given(text=st.text(), name=st.text(max_size=20))
def test_a_sealed_text_opens_under_its_own_name_only(text: str, name: str) -> None:
    sealed = seal_text(text, KEY, name=name)
    assert open_text(sealed, KEY, name=name) == text
    for other_key, other_name in ((KEY, name + "x"), (new_sealing_key(), name)):
        with pytest.raises(SealError):
            open_text(sealed, other_key, name=other_name)


def test_a_sealed_text_is_no_session_token() -> None:
    with pytest.raises(SealError):
        open_session(seal_text("{}", KEY, name=""), KEY, NOW)


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="issued_at"):
        replace(SESSION, issued_at=datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("named", "covered"),
    [
        ({"role_arn": SESSION.role_arn}, True),
        ({"role_arn": SESSION.role_arn, "session_name": "notebook"}, True),
        ({"role_arn": SESSION.role_arn, "session_name": "another"}, False),
        ({"role_arn": "arn:aws:iam::123456789012:role/another"}, False),
        ({"role_arn": FIRST}, True),  # it was assumed on the way
        ({"access_key_id": "ASIAEXAMPLE"}, True),
        ({"access_key_id": "ASIAOTHER"}, False),
        ({"person": PERSON}, True),
        ({"person": PERSON, "access_key_id": "ASIAOTHER"}, False),
        ({}, False),
    ],
)
def test_a_revocation_covers_what_it_names(named: dict[str, str], covered: bool) -> None:
    session = replace(SESSION, issued_at=NOW, person=PERSON, chain=(FIRST, SESSION.role_arn))
    moment = clock.to_micros(NOW)
    assert Revocation(before_micros=moment, **named).covers(session) == covered
    assert not Revocation(before_micros=moment - 1, **named).covers(session)
