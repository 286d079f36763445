"""Sessions: opened by what proves somebody, found as long as that does, gone when they end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from modelyard.console.sessions import KIND, LIFETIME, Sessions, basic
from modelyard.identity.http_authentication import HttpAuthenticator
from modelyard.identity.roles import role_scope
from modelyard.sigv4 import SignatureError
from modelyard.store.listing import Listing
from tests.identity.world import ACCOUNT, World, world


@pytest.fixture
def home(tmp_path: Path) -> Iterator[World]:
    made = world(tmp_path)
    yield made
    made.database.dispose()


def sessions_of(home: World) -> Sessions:
    key = home.credentials.sealing_key
    browsers = HttpAuthenticator(home.authenticator, key)
    return Sessions(home.store, browsers, key, now=home.clock)


def root_key(home: World) -> str:
    return basic(home.credentials.access_key_id, home.credentials.secret_access_key)


def rows(home: World) -> int:
    with home.store.read() as snapshot:
        return len(snapshot.list(role_scope(ACCOUNT), KIND, Listing(limit=50)).items)


def test_an_access_key_opens_a_session_that_is_found_by_its_cookie(home: World) -> None:
    sessions = sessions_of(home)
    opened = sessions.open(root_key(home))
    found = sessions.find(opened.cookie)
    assert found == opened
    assert opened.caller.principal.is_root
    assert opened.csrf != opened.cookie
    assert opened.csrf not in opened.cookie


def test_a_token_opens_one_too_and_a_guess_opens_none(home: World) -> None:
    sessions = sessions_of(home)
    assert sessions.open(f"Bearer {home.credentials.token}").caller.principal.is_root
    for guess in (basic(home.credentials.access_key_id, "guess"), "Bearer my_guess", "", "Basic !"):
        with pytest.raises(SignatureError):
            sessions.open(guess)
    assert rows(home) == 1


def test_another_cookie_finds_nothing(home: World) -> None:
    sessions = sessions_of(home)
    cookie = sessions.open(root_key(home)).cookie
    changed = cookie[:-1] + ("A" if cookie[-1] != "A" else "B")
    for other in ("", changed, cookie.partition(".")[2], "x" * 300, "ü"):
        assert sessions.find(other) is None


def test_a_session_ends_by_signing_out_and_with_its_time(home: World) -> None:
    sessions = sessions_of(home)
    left, kept = sessions.open(root_key(home)), sessions.open(root_key(home))
    sessions.close(left.cookie)
    assert sessions.find(left.cookie) is None
    assert sessions.find(kept.cookie) is not None
    home.clock.moment += LIFETIME - timedelta(seconds=1)
    assert sessions.find(kept.cookie) is not None
    home.clock.moment += timedelta(seconds=1)
    assert sessions.find(kept.cookie) is None
    sessions.open(root_key(home))  # sweeps what is over
    assert rows(home) == 1


def test_each_sign_in_has_a_new_name_and_ends_the_session_before(home: World) -> None:
    sessions = sessions_of(home)
    first = sessions.open(root_key(home))
    second = sessions.open(root_key(home), instead_of=first.cookie)
    assert second.cookie != first.cookie
    assert sessions.find(first.cookie) is None
    assert sessions.find(second.cookie) is not None


def test_the_database_holds_nothing_that_signs_in(home: World) -> None:
    sessions = sessions_of(home)
    cookie = sessions.open(root_key(home)).cookie
    with home.store.read() as snapshot:
        (row,) = snapshot.list(role_scope(ACCOUNT), KIND, Listing(limit=5)).items
    kept = f"{row.name} {row.arn} {row.spec}"
    for secret in (cookie, cookie.partition(".")[2], home.credentials.secret_access_key):
        assert secret not in kept
    assert sessions.find(f"{ACCOUNT}.{row.name}") is None
