"""What a push begins with, and a message at its end."""

from __future__ import annotations

import pytest

from modelyard.api.git.pkt_lines import NotPktLines, commands_in, with_message

OLD, NEW = "0" * 40, "a" * 40


def line(content: bytes) -> bytes:
    return f"{len(content) + 4:04x}".encode() + content


COMMAND = line(f"{OLD} {NEW} refs/heads/main\0 report-status side-band-64k agent=git/2\n".encode())


def test_the_commands_name_each_reference_with_its_new_commit() -> None:
    second = line(f"{NEW} {OLD} refs/heads/old".encode())
    found = commands_in(COMMAND + second + b"0000PACK\x00\x00")
    assert found is not None
    assert found.new_by_reference == {"refs/heads/main": NEW, "refs/heads/old": OLD}
    assert found.takes_messages


def test_more_bytes_are_asked_for_until_the_commands_end() -> None:
    whole = COMMAND + b"0000"
    assert all(commands_in(whole[:size]) is None for size in range(len(whole)))
    assert commands_in(whole) is not None


def test_a_probe_asks_for_nothing() -> None:
    found = commands_in(b"0000")
    assert found is not None
    assert found.new_by_reference == {}
    assert not found.takes_messages


@pytest.mark.parametrize(
    "head",
    [b"zzzz", b"0001", b"0003", b"ffff" + b"x" * 70_000, line(b"push-cert\0"), line(b"a b c\n")],
)
def test_what_is_no_push_is_refused(head: bytes) -> None:
    with pytest.raises(NotPktLines):
        commands_in(head)


def test_a_message_comes_ahead_of_the_answers_end() -> None:
    answer = line(b"\x01" + line(b"unpack ok\n") + b"0000") + b"0000"
    told = with_message(answer, ["it is provisioned", "x" * 2000, "\x1b[2Jcleared"])
    assert told.startswith(answer[:-4])
    assert told.endswith(b"0000")
    assert line(b"\x02it is provisioned\n") in told
    assert line(b"\x02" + b"x" * 900 + b"\n") in told
    assert b"\x1b" not in told


@pytest.mark.parametrize(
    "answer", [b"", b"0000", b"000eunpack ok\n0000", line(b"\x01ok"), b"zz0000"]
)
def test_an_answer_without_side_bands_stays_as_it_is(answer: bytes) -> None:
    kept = with_message(answer, ["it is provisioned"])
    assert kept == answer or answer == b"0000"
