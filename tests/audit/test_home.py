"""What the audit log keeps in the home: its keys, and the trail's head."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelyard.audit.heads import HeadFile
from modelyard.audit.keys import seals_of
from modelyard.home import HomeError
from modelyard.store.audit_chain import Head, Seals, trail_key
from tests.store.audits import SEALS, entry

HEAD = Head(sequence=7, mac="a" * 64)


def test_the_key_follows_from_the_sealing_key_and_is_not_it(tmp_path: Path) -> None:
    seals = seals_of("the sealing key", tmp_path / "keys")
    assert seals.key_id == Seals(trail_key("the sealing key")).key_id
    assert "the sealing key" not in (tmp_path / "keys").read_text()
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o600


def test_a_former_key_is_kept(tmp_path: Path) -> None:
    record = seals_of("one", tmp_path / "keys").chained(Head(), entry())
    seals_of("two", tmp_path / "keys")
    assert seals_of("three", tmp_path / "keys").follows(Head(), record)


def test_keys_that_cannot_be_read_are_said_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("{}")
    with pytest.raises(HomeError, match="restore the file"):
        seals_of("one", tmp_path / "keys")
    assert (tmp_path / "keys").read_text() == "{}"


def test_the_head_is_read_as_it_was_written(tmp_path: Path) -> None:
    HeadFile(tmp_path / "head", SEALS).write(HEAD)
    assert HeadFile(tmp_path / "head", SEALS).read() == HEAD


@pytest.mark.parametrize(
    "changed", [{"sequence": 6}, {"mac": "b" * 64}, {"signature": "é"}, {"key_id": "x"}]
)
def test_a_forged_head_is_none(tmp_path: Path, changed: dict[str, object]) -> None:
    path = tmp_path / "head"
    HeadFile(path, SEALS).write(HEAD)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
    assert HeadFile(path, SEALS).read() is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"sequence": "x"}'])
def test_a_head_that_cannot_be_read_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "head").write_text(content)
    assert HeadFile(tmp_path / "head", SEALS).read() is None
