"""Python environments for users' scripts: one per set of requirements, locked, built once.

An environment is what `requirements.txt` asks for beyond what this Python has installed; programs
find it, read-only, as /opt/ml/environment. It is built by a confined program with a network
(`images.script_mode.requirements`), which runs no stranger's code: only wheels are installed. It is
one account's alone, since who chooses its packages chooses what runs in the jobs that share it.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.metadata
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from modelyard.compute.runtime import Program, Runtime

#: Where programs find their environment, below /opt/ml.
MOUNT = "environment"
BUILD_SECONDS = 1800.0
_SAID_CHARACTERS = 700
#: What of the server's own environment says where packages come from.
INDEX_VARIABLES = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_SYSTEM_CERTS",
    "SSL_CERT_FILE",
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
)

log = structlog.get_logger(__name__)


class RequirementsError(ValueError):
    """The requirements cannot be installed; the message holds uv's own words."""


class Environments:
    """The environments of a server. For one event loop.

    Args:
        folder: `<home>/environments`.
        variables: of those above, the server's.
    """

    def __init__(self, runtime: Runtime, folder: Path, variables: Mapping[str, str]) -> None:
        self._runtime = runtime
        self._folder = folder
        self._variables = {name: variables[name] for name in INDEX_VARIABLES if name in variables}
        self._building: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def path(self, account: str, name: str) -> Path:
        """Return the folder of an environment that was built."""
        return self._folder / account / name

    async def ensure(
        self,
        account: str,
        requirements: Path,
        *,
        network: bool,
        say: Callable[[str], None],
    ) -> str | None:
        """Return the name of the environment of a requirements.txt, built if it is not there yet.

        None: there is no such file, or nothing in it.

        Args:
            network: whether what it is for may use the network.

        Raises:
            RequirementsError: it cannot be built.
            RuntimeUnavailableError: programs cannot be run here.
        """
        try:
            text = await asyncio.to_thread(requirements.read_bytes)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RequirementsError(f"requirements.txt cannot be read: {error}") from error
        if not text.strip():
            return None
        name = await asyncio.to_thread(_name_of, text)
        path = self.path(account, name)
        async with self._building[f"{account}/{name}"]:
            if path.is_dir():
                say(f"requirements.txt: the environment {name[:12]} was built before")
            elif not network:
                raise RequirementsError(
                    "requirements.txt cannot be installed with network isolation, for its packages "
                    "come from an index: run once without EnableNetworkIsolation, after which "
                    "the same requirements need no network, or leave requirements.txt out"
                )
            else:
                await self._build(path, text, say)
        return name

    async def _build(self, path: Path, text: bytes, say: Callable[[str], None]) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        base = Path(tempfile.mkdtemp(prefix=".building-", dir=path.parent))
        lines: list[str] = []

        def on_line(line: str) -> None:
            lines.append(line)
            say(f"requirements.txt: {line}")

        try:
            (base / "requirements.txt").write_bytes(text)
            process = await self._runtime.start(
                Program(
                    identity=f"environment/{path.parent.name}/{path.name}",
                    argv=[sys.executable, "-m", "modelyard.images.script_mode", "environment"],
                    environment=self._variables,
                    base=base,
                ),
                on_line,
            )
            try:
                code = await asyncio.wait_for(process.wait(), BUILD_SECONDS)
            except TimeoutError as error:
                raise RequirementsError(
                    f"requirements.txt was not installed within {BUILD_SECONDS:.0f} s"
                ) from error
            finally:
                process.kill()
            if code != 0:
                said = "\n".join(line for line in lines if line.strip())[-_SAID_CHARACTERS:]
                raise RequirementsError(f"requirements.txt cannot be installed: {said}")
            (base / "environment").rename(path)
            log.info("environment built", name=path.name[:12])
        finally:
            await asyncio.to_thread(shutil.rmtree, base, ignore_errors=True)


def _name_of(requirements: bytes) -> str:
    """Return a digest of what is asked for, and of what is there already."""
    installed = sorted(
        f"{found.name}=={found.version}" for found in importlib.metadata.distributions()
    )
    parts = [sys.version, *installed, requirements.decode(errors="replace")]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
