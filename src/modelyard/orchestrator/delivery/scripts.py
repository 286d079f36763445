"""Integration tests that are scripts: Python programs, each confined as jobs are.

A script passes by ending with the exit code 0. It is told where the endpoint is, and gets
credentials that open this one endpoint, until it ends: no other door of the server knows them. ::

    MODELYARD_ENDPOINT_NAME   the endpoint's name
    MODELYARD_ENDPOINT_URL    POST a payload here,
    MODELYARD_ENDPOINT_TOKEN  with `Authorization: Bearer <this>`
    AWS_…                     what boto3's `sagemaker-runtime` needs to invoke it

It sees nothing of the server, and the files of its folder that are no tests as `./data`.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from modelyard.compute.runtime import Program, Runtime, RuntimeUnavailableError
from modelyard.operations.context import Context

_TOLD_LINES = 20
_TOLD_CHARACTERS = 1500
_CODE, _DATA = "code", "data"


@dataclass(frozen=True, kw_only=True)
class Script:
    """One script of a folder of tests, with the files that lie beside it."""

    name: str  # of the file, "smoke.py"
    source: bytes
    data: Mapping[str, bytes]


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An endpoint that was opened for a script."""

    environment: Mapping[str, str]


class Opener(Protocol):
    """Opens one endpoint to whoever has the credentials that it gives out."""

    def __call__(self, context: Context, endpoint: str) -> AbstractAsyncContextManager[Opened]:
        """Open it until the block ends; invocations are made as `context`."""


class ScriptRunner:
    """Runs scripts.

    Args:
        folder: for the folders that scripts see, one for each run.
    """

    def __init__(self, runtime: Runtime, folder: Path, opener: Opener) -> None:
        self._runtime = runtime
        self._folder = folder
        self._opener = opener

    async def run(
        self, identity: str, context: Context, endpoint: str, script: Script, seconds: float
    ) -> str | None:
        """Return why a script did not pass, or None where it did.

        Args:
            identity: unique to this run of the script; a run that a crash left is ended first.
            seconds: that it has.
        """
        base = self._folder / identity.replace("/", "_")
        said: deque[str] = deque(maxlen=_TOLD_LINES)
        try:
            await asyncio.to_thread(_lay_out, base, script)
            async with self._opener(context, endpoint) as opened:
                code = await self._ended(identity, base, script, opened, said.append, seconds)
        except RuntimeUnavailableError as error:
            return f"scripts cannot be run on this machine: {error}"
        finally:
            await asyncio.to_thread(shutil.rmtree, base, ignore_errors=True)
        if code == 0:
            return None
        what = (
            f"did not end, and was ended: all tests together have their time ({seconds:.0f} s "
            "were left for it)"
            if code is None
            else f"ended with the exit code {code}"
        )
        last = "\n".join(said).strip()[-_TOLD_CHARACTERS:]
        return f"{what}: {last}" if last else what

    async def _ended(
        self,
        identity: str,
        base: Path,
        script: Script,
        opened: Opened,
        on_line: Callable[[str], None],
        seconds: float,
    ) -> int | None:
        """Return the exit code, or None where the time was over first."""
        program = Program(
            identity=f"integration-test/{identity}",
            argv=[sys.executable, "-B", f"{_CODE}/{script.name}"],
            environment={**opened.environment, "PYTHONUNBUFFERED": "1"},
            base=base,
        )
        process = await self._runtime.start(program, on_line)
        try:
            async with asyncio.timeout(seconds):
                return await process.wait()
        except TimeoutError:
            return None
        finally:
            process.kill()
            await process.wait()


def _lay_out(base: Path, script: Script) -> None:
    shutil.rmtree(base, ignore_errors=True)
    base.mkdir(mode=0o700, parents=True)
    for folder, files in ((_CODE, {script.name: script.source}), (_DATA, script.data)):
        (base / folder).mkdir()
        for name, content in files.items():
            (base / folder / name).write_bytes(content)
