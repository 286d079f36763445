"""A PostgreSQL server for the tests: a cluster of its own, on a unix socket, gone at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

HOW_TO_GET_IT = "needs the programs of a PostgreSQL server (Debian: apt-get install postgresql)"

_DEBIAN = Path("/usr/lib/postgresql")


def programs() -> Path | None:
    """Return the folder with `initdb` and `pg_ctl`, the newest; None if there is none."""
    found = [folder for folder in _DEBIAN.glob("*/bin") if (folder / "initdb").exists()]
    if found:
        return max(found, key=lambda folder: float(folder.parent.name))
    on_path = shutil.which("initdb")
    return None if on_path is None else Path(on_path).resolve().parent


class Cluster:
    """One running server. Its own default collation is a language's, as on most machines."""

    def __init__(self, bin_folder: Path) -> None:
        self._bin = bin_folder
        # Not pytest's own folder: another user must get into it, and a socket's path is short.
        self._folder = Path(tempfile.mkdtemp(prefix="modelyard-pg-", dir="/tmp"))
        self._databases = 0

    def __enter__(self) -> Self:
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            os.chown(self._folder, user.pw_uid, user.pw_gid)
        data = self._folder / "data"
        self._run(
            "initdb", "-D", str(data), "-U", "modelyard", "-A", "trust", "-N", *self._locale()
        )
        options = f"-k {self._folder} -c listen_addresses='' -c fsync=off -c max_connections=50"
        log = str(self._folder / "log")
        self._run("pg_ctl", "-D", str(data), "-w", "-l", log, "-o", options, "start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self._folder)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://modelyard@/{database}?host={self._folder}"

    def create_database(self, *, options: str = "") -> str:
        """Return the URL of a new, empty database."""
        import psycopg

        self._databases += 1
        name = f"test{self._databases}"
        where = f"host={self._folder} user=modelyard dbname=postgres"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} {options}".encode())
        return self.url(name)

    def _locale(self) -> list[str]:
        plain = ["-E", "UTF8", "--locale=C"]
        helps = self._run("initdb", "--help")
        if "--icu-locale" not in helps:
            return plain
        return [*plain, "--locale-provider=icu", "--icu-locale=en-US"]

    def _run(self, program: str, *arguments: str) -> str:
        # PostgreSQL refuses to run as root.
        drop: dict[str, Any] = (
            {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}
            if os.geteuid() == 0
            else {}
        )
        # A server that inherits a pipe would keep `run` waiting for the pipe's end.
        with tempfile.TemporaryFile() as said:
            done = subprocess.run(
                [str(self._bin / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd="/",
                check=False,
                **drop,
            )
            said.seek(0)
            text = said.read().decode()
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {text}")
        return text
