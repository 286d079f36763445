from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from modelyard.home import Home, HomeError, HomeInUse, ServerInfo, write_whole

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

HOLD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from modelyard.home import Home, ServerInfo
home = Home(Path(sys.argv[1]))
home.create()
with home.lock():
    print("locked", flush=True)
    sys.stdin.read()
"""


def info(pid: int = 4711) -> ServerInfo:
    return ServerInfo(
        pid=pid,
        url="http://127.0.0.1:8080",
        gateway_url="http://127.0.0.1:8081",
        region="us-east-1",
        assets_bucket="assets",
        started_at=STARTED,
    )


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_home_is_its_owners_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "a" / "home")
    home.create()
    folders = (home.path, home.objects, home.jobs, home.models, home.logs, home.run)
    assert {mode(folder) for folder in folders} == {0o700}
    assert list(home.run.iterdir()) == []


def test_a_home_can_be_created_again(tmp_path: Path) -> None:
    Home(tmp_path / "home").create()
    Home(tmp_path / "home").create()


def test_a_home_that_others_can_write_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(0o777)
    with pytest.raises(HomeError, match="chmod go-w"):
        Home(tmp_path / "home").create()


def test_a_file_in_the_homes_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    for path in (tmp_path / "home", tmp_path / "home" / "below"):
        with pytest.raises(HomeError, match="choose another --home"):
            Home(path).create()


def test_a_second_server_is_refused_and_told_of_the_first(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.create()
    with home.lock():
        with pytest.raises(HomeInUse, match=f"process {os.getpid()} is starting on it"):
            Home(tmp_path).lock().__enter__()
        home.announce(info())
        with pytest.raises(HomeInUse, match="process 4711 serves http"):
            Home(tmp_path).lock().__enter__()
        assert home.read_server() == info()  # the refused one has removed nothing


def test_a_stopped_server_leaves_no_announcement(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.create()
    assert home.read_server() is None
    with home.lock():
        home.announce(info())
        assert mode(tmp_path / "server.json") == 0o600
    assert home.read_server() is None
    assert not (tmp_path / "server.json").exists()


def test_a_server_that_failed_leaves_no_announcement(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.create()
    with pytest.raises(RuntimeError), home.lock():
        home.announce(info())
        raise RuntimeError
    assert not (tmp_path / "server.json").exists()
    with home.lock():
        pass


def test_a_killed_server_leaves_the_home_free_for_the_next(tmp_path: Path) -> None:
    home = Home(tmp_path)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    with holder:
        assert holder.stdout.readline() == b"locked\n"
        home.announce(info(holder.pid))
        assert home.read_server() == info(holder.pid)
        with pytest.raises(HomeInUse, match=f"process {holder.pid} serves"):
            home.lock().__enter__()
        holder.send_signal(signal.SIGKILL)
    (tmp_path / ".server.json.torn.aside").touch()
    assert home.read_server() is None
    with home.lock():
        assert home.read_server() is None
        assert not list(tmp_path.glob(".*"))


def test_an_announcement_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.create()
    with home.lock():
        for text in ("", "{}", "[]", '{"pid": 1, "started_at": 5}', '{"started_at": "x"}'):
            (tmp_path / "server.json").write_text(text)
            assert home.read_server() is None


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, b"first")
    assert (path.read_bytes(), mode(path)) == (b"first", 0o600)
    write_whole(path, b"second", mode=0o644)
    assert (path.read_bytes(), mode(path)) == (b"second", 0o644)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


WRITE_LIMITED = """
import resource, signal, sys
from pathlib import Path
from modelyard.home import HomeError, write_whole
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    write_whole(Path(sys.argv[1]), b"x" * 1000)
except HomeError as error:
    print(error)
"""


def test_a_write_that_does_not_fit_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    said = subprocess.run(
        [sys.executable, "-c", WRITE_LIMITED, str(path)], capture_output=True, text=True, check=True
    ).stdout
    assert f"{path} cannot be used" in said
    assert os.strerror(errno.EFBIG) in said
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
