"""The home: the folder of all state, and the lock that lets one server at a time use it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

# A command that looks whether a server runs holds the lock for an instant: try again, then refuse.
_LOCK_TRIES = 10
_LOCK_PAUSE_SECONDS = 0.02

_ASIDE = ".aside"  # ends the name of a file that is still being written


class HomeError(Exception):
    """The home cannot be used; the message says why, and what to do."""


class HomeInUse(HomeError):
    """Another server runs on this home."""


@dataclass(frozen=True, kw_only=True)
class ServerInfo:
    """What a running server says of itself to the commands of this machine."""

    pid: int
    url: str
    gateway_url: str
    region: str
    assets_bucket: str
    started_at: datetime
    ca_file: str | None = None  # with TLS: what clients trust beside what they trust already


class Home:
    """Where everything lies. Making one touches nothing; `create` does.

    Args:
        path: absolute.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.credentials = path / "credentials"
        self.database = path / "modelyard.db"
        self.objects = path / "objects"  # <account>/<bucket>/<key>
        self.jobs = path / "jobs"  # <account>/<region>/<kind>/<name>/
        self.keys = path / "keys"  # the master key
        self.models = path / "models"  # <sha256>/
        self.images = path / "images"  # sha256-<digest>/, of containers
        self.environments = path / "environments"  # <account>/<sha256>/, of users' requirements
        self.logs = path / "logs"  # <account>/<region>/…
        self.metrics = path / "metrics"  # <account>/<region>/<kind>/<name>.jsonl
        self.mlflow = path / "mlflow"  # <account>/
        self.repositories = path / "repositories"  # <account>/<name>.git
        self.inbox = path / "inbox"  # <account>/<topic>.jsonl
        self.policies = path / "policies"  # *.cedar, written by the user
        self.run = path / "run"  # sockets
        self.tls = path / "tls"  # the home's certificate authority, and what it issued
        self.audit_keys = path / "audit-keys"
        self.audit_head = path / "audit-head.json"
        self._server = path / "server.json"
        self._lock = path / "server.lock"

    def create(self) -> None:
        """Make the folder and those in it, for this user only.

        Raises:
            HomeError: it cannot be made or written, or other users can write to it.
        """
        with _explained(self.path):
            self.path.mkdir(parents=True, mode=0o700, exist_ok=True)
            if stat.S_IMODE(self.path.stat().st_mode) & 0o022:
                raise HomeError(
                    f"other users can write to the home {self.path}, and so could replace your "
                    f"models and keys: chmod go-w {self.path}"
                )
            for folder in (
                self.objects,
                self.jobs,
                self.models,
                self.logs,
                self.metrics,
                self.inbox,
                self.policies,
                self.run,
            ):
                folder.mkdir(mode=0o700, exist_ok=True)
            # A disk may be full or read-only and every folder there: only a write tells.
            with tempfile.TemporaryFile(dir=self.run) as probe:
                probe.write(b"\0" * 4096)
                probe.flush()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep every other server off this home until the end, or until this process dies.

        Raises:
            HomeInUse: another server runs on it.
            HomeError: the lock's file cannot be written.
        """
        with _explained(self.path):
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not _locked(descriptor, fcntl.LOCK_EX, tries=_LOCK_TRIES):
                raise HomeInUse(self._occupied(os.pread(descriptor, 100, 0)))
            with _explained(self.path):
                self._sweep()
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            try:
                yield
            finally:
                with suppress(OSError):
                    self._server.unlink(missing_ok=True)
        finally:
            os.close(descriptor)

    def announce(self, info: ServerInfo) -> None:
        """Tell the commands of this machine how to reach the server; `lock` must be held.

        Raises:
            HomeError: it cannot be written.
        """
        text = json.dumps({**asdict(info), "started_at": info.started_at.isoformat()}, indent=2)
        write_whole(self._server, text.encode() + b"\n")

    def read_server(self) -> ServerInfo | None:
        """Return what the server that runs on this home announced; None if none runs."""
        try:
            descriptor = os.open(self._lock, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            # The file of a server that was killed is still there, but its lock is not.
            return None if _locked(descriptor, fcntl.LOCK_SH, tries=1) else self._announced()
        finally:
            os.close(descriptor)

    def _sweep(self) -> None:
        """Remove what a server that was killed left: its announcement, and half-written files."""
        for left in (self._server, *self.path.glob(f".*{_ASIDE}")):
            left.unlink(missing_ok=True)

    def _announced(self) -> ServerInfo | None:
        try:
            found = json.loads(self._server.read_bytes())
            return ServerInfo(
                **{**found, "started_at": datetime.fromisoformat(found["started_at"])}
            )
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _occupied(self, pid: bytes) -> str:
        server = self._announced()
        who = (
            f"process {server.pid} serves {server.url} from it"
            if server is not None
            else f"process {pid.decode(errors='replace').strip() or 'unknown'} is starting on it"
        )
        return (
            f"the home {self.path} is in use: {who}. Stop that server first, "
            "or give this one a home of its own with --home"
        )


def write_whole(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a file that appears whole or not at all, also through a power cut.

    Raises:
        HomeError: it cannot be written; what was there before stays.
    """
    with _explained(path):
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_ASIDE)
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(file.fileno(), mode)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _locked(descriptor: int, kind: int, *, tries: int) -> bool:
    for attempt in range(tries):
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt + 1 < tries:
                time.sleep(_LOCK_PAUSE_SECONDS)
        else:
            return True
    return False


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        remedies = {
            errno.ENOSPC: "the disk is full: free some space",
            errno.EDQUOT: "your quota of the disk is used up: free some space",
            errno.EROFS: "the file system is read-only: choose another --home",
            errno.EACCES: "you may not write there: choose another --home",
            errno.EPERM: "you may not write there: choose another --home",
            errno.ENOTDIR: "a part of the path is a file: choose another --home",
            errno.EEXIST: "there is a file in its place: choose another --home",
        }
        remedy = remedies.get(error.errno or 0, "the system says why")
        raise HomeError(f"{path} cannot be used: {remedy} ({error})") from error
