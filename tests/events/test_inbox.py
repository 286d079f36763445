from __future__ import annotations

import threading
from pathlib import Path

import pytest

from modelyard.events.inbox import Inbox

ACCOUNT = "123456789012"


def texts(inbox: Inbox, after: int = 0, *, limit: int = 100) -> tuple[list[str], int]:
    found, position = inbox.read(ACCOUNT, "inbox", after, limit=limit)
    return [str(one["text"]) for one in found], position


def test_notifications_are_read_in_their_order_and_in_pages(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    assert texts(inbox) == ([], 0)
    for text in ("one", "zwei €", "three"):
        inbox.add(ACCOUNT, "inbox", {"text": text})
    page, position = texts(inbox, limit=2)
    assert page == ["one", "zwei €"]
    assert texts(inbox, position)[0] == ["three"]
    inbox.add(ACCOUNT, "inbox", {"text": "four"})
    assert texts(inbox, texts(inbox, position, limit=1)[1])[0] == ["four"]


def test_only_the_servers_user_reads_the_file(tmp_path: Path) -> None:
    Inbox(tmp_path / "inbox").add(ACCOUNT, "inbox", {"text": "x"})
    path = tmp_path / "inbox" / ACCOUNT / "inbox.jsonl"
    assert path.stat().st_mode & 0o077 == 0


def test_a_torn_line_hides_no_other(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.add(ACCOUNT, "inbox", {"text": "before"})
    with (tmp_path / ACCOUNT / "inbox.jsonl").open("ab") as file:
        file.write(b'{"text": "to')
    assert texts(inbox)[0] == ["before"]
    inbox.add(ACCOUNT, "inbox", {"text": "after"})
    assert texts(inbox)[0] == ["before", "after"]


def test_a_full_file_is_put_aside_and_reading_begins_anew(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, max_bytes=60)
    for text in ("a" * 30, "b" * 30):
        inbox.add(ACCOUNT, "inbox", {"text": text})
    assert texts(inbox, 1000)[0] == ["b" * 30]
    assert "a" * 30 in (tmp_path / ACCOUNT / "inbox.1.jsonl").read_text()


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)

    def write(name: int) -> None:
        for n in range(10):
            inbox.add(ACCOUNT, "inbox", {"text": f"{name}.{n}"})

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(texts(inbox)[0]) == sorted(f"{a}.{b}" for a in range(4) for b in range(10))


@pytest.mark.parametrize("name", ["..", "a/b", "", "a\0"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no names"):
        Inbox(tmp_path).add(ACCOUNT, name, {})
