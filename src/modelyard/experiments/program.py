"""MLflow's server as a program in a sandbox: what it is told, and where its files lie.

::

    <home>/mlflow/<account>/    what it sees as /opt/ml, and all that it sees of the home
        server.sock             where it listens: no port, so nobody else on the machine reaches it
        mlflow.db               its store, unless that is in PostgreSQL
        artifacts/              what clients upload

It is confined as jobs are, and on SQLite it has no network either: whatever a request could make it
open or fetch, there is nothing but this folder. One process serves an account; `mlflow server`
would start another ten, for jobs of its own that are not offered here, so its application is run
by uvicorn as that command does (`mlflow.server._run_server`), with the variables that it sets.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from modelyard.compute.job_files import BASE
from modelyard.compute.runtime import Program

SOCKET = "server.sock"
_ARTIFACTS = "artifacts"
_DATABASE = "sqlite:///mlflow.db"
_VERSION_FILE = "version"
_POSTGRES = "postgres"  # below what it sees as /opt/ml


def is_installed() -> bool:
    """Return whether the extra `mlflow` is there; nothing is imported."""
    return importlib.util.find_spec("mlflow") is not None


@dataclass(frozen=True, kw_only=True)
class MlflowProgram:
    """The server of one account.

    Args:
        folder: `<home>/mlflow/<account>`.
        database: where its store is; empty: a file in the folder.
        sees_machine: whether paths are to it what they are to us.
    """

    account: str
    folder: Path
    database: str = ""
    sees_machine: bool = False

    @property
    def socket(self) -> Path:
        return self.folder / SOCKET

    def prepare(self) -> None:
        """Make its folder, for this user only, and remove a socket that was left. Blocking."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        (self.folder / _ARTIFACTS).mkdir(mode=0o700, exist_ok=True)
        self.socket.unlink(missing_ok=True)

    def server(self) -> Program:
        """Return the program that serves until it is ended."""
        return self._program(
            [
                *("-m", "uvicorn", "--uds", SOCKET, "--no-access-log", "--log-level", "warning"),
                "mlflow.server.fastapi_app:app",
            ]
        )

    def upgrade(self) -> Program | None:
        """Return the program that brings the store up to date, if another release made it."""
        try:
            made_by = (self.folder / _VERSION_FILE).read_text()
        except FileNotFoundError:
            return None
        if made_by == _version():
            return None
        return self._program(["-m", "mlflow", "db", "upgrade", self._database])

    def note_version(self) -> None:
        """Write down which release of MLflow the store is up to date for."""
        (self.folder / _VERSION_FILE).write_text(_version())

    def _program(self, arguments: Sequence[str]) -> Program:
        return Program(
            identity=f"mlflow/{self.account}",
            argv=[sys.executable, *arguments],
            environment=self._environment(),
            base=self.folder,
            inputs={} if self._sockets is None else {_POSTGRES: self._sockets},
            network=bool(self.database),
            unix_sockets=True,
        )

    def _environment(self) -> Mapping[str, str]:
        return {
            "_MLFLOW_SERVER_FILE_STORE": self._database,
            "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
            "_MLFLOW_SERVER_ARTIFACT_DESTINATION": f"./{_ARTIFACTS}",
            "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_SERVER_ALLOWED_HOSTS": "localhost",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
            "GIT_PYTHON_REFRESH": "quiet",
            "PYTHONWARNINGS": "ignore",
        }

    @property
    def _database(self) -> str:
        """The store's URL, as the program sees the machine."""
        if self._sockets is None:
            return self.database or _DATABASE
        url = urlsplit(self.database)
        query = {**dict(parse_qsl(url.query)), "host": f"{BASE}/{_POSTGRES}"}
        # By hand, since urlunsplit leaves out what stands for no host at all.
        return f"{url.scheme}://{url.netloc}{url.path}?{urlencode(query)}"

    @property
    def _sockets(self) -> Path | None:
        """The folder of the database's socket, where it has one that must be shown."""
        host = dict(parse_qsl(urlsplit(self.database).query)).get("host", "")
        return Path(host) if host.startswith("/") and not self.sees_machine else None


def _version() -> str:
    return importlib.metadata.version("mlflow")
