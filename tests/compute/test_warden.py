"""The process over each program: what it reports, obeys, and never leaves behind."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import Any

import pytest

from modelyard.compute.confinement import launcher


def orders(argv: list[str], **changes: Any) -> bytes:
    whole = {
        "argv": argv,
        "depth": 1,
        "arguments": [],
        "arguments_at": None,
        "nice": 0,
        "inherited": [],
        "limits": {"CORE": 0},
        **changes,
    }
    return json.dumps(whole).encode() + b"\n"


def start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        launcher("warden"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={}
    )


def run(argv: list[str], **changes: Any) -> tuple[int, bytes]:
    """Give orders, wait until the program has ended, and only then let go of the warden."""
    with start() as warden:
        assert warden.stdin is not None
        assert warden.stdout is not None
        warden.stdin.write(orders(argv, **changes))
        warden.stdin.flush()
        said = warden.stdout.read()
        return warden.wait(20), said


def test_programs_that_end_at_once_are_not_missed() -> None:
    assert {run(["/bin/true"]) for _ in range(25)} == {(0, b"")}


@pytest.mark.parametrize(
    ("script", "code"), [("exit 7", 7), ("kill -USR1 $$", -signal.SIGUSR1), ("exit 137", 137)]
)
def test_it_ends_as_the_program_does(script: str, code: int) -> None:
    assert run(["/bin/sh", "-c", script])[0] == code


def test_within_a_sandbox_codes_above_128_are_signals() -> None:
    assert run(["/bin/sh", "-c", "exit 139"], depth=3)[0] == -signal.SIGSEGV
    assert run(["/bin/sh", "-c", "exit 255"], depth=3)[0] == 255


def test_what_cannot_be_started_is_said() -> None:
    code, said = run(["/no/such/program"])
    assert code == 127
    assert b"cannot start /no/such/program" in said


def test_orders_and_a_word_to_end_may_come_in_one_piece() -> None:
    with start() as warden:
        assert warden.stdin is not None
        warden.stdin.write(orders(["/bin/sleep", "1000"]) + b"terminate\n")
        warden.stdin.flush()
        assert warden.wait(20) == -signal.SIGTERM


def test_orders_longer_than_a_pipe_takes_at_once_arrive_whole() -> None:
    long = "x" * 100_000
    assert run(["/bin/sh", "-c", "echo ${#0}", long])[1] == b"100000\n"


@pytest.mark.parametrize("said", [b"", b'{"argv": ['])
def test_a_server_that_is_gone_ahead_of_its_orders_starts_nothing(said: bytes) -> None:
    with start() as warden:
        warden.communicate(said, timeout=20)
        assert warden.returncode == -signal.SIGKILL
