"""Docker, for pulling: its client, called by the server itself, since its daemon is nobody's child.

What may be pulled has been decided before. The daemon keeps what it pulled in a store of its own;
the archive that it saves is unpacked in the builder's sandbox like any stranger's.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

#: What of the server's environment says where the daemon is.
_VARIABLES = (
    *("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"),
    *("HOME", "PATH", "XDG_RUNTIME_DIR"),
)
_LAST_LINES = 20


class DockerError(Exception):
    """Docker could not do it; the message is the end of what it said."""


async def fetch(
    reference: str, archive: Path, files: Mapping[str, str], on_line: Callable[[str], None]
) -> str:
    """Pull an image and save it to a file; return the digest that its registry gives it.

    Args:
        reference: the image, with its registry, and a tag or a digest.
        archive: the file, which `docker save` writes.
        files: `auth.json` of them is what the registry knows the server by.

    Raises:
        DockerError: it cannot be pulled, or no daemon answers.
    """
    config = Path(tempfile.mkdtemp(prefix="docker-", dir=archive.parent))
    try:
        # Its client's own configuration, and so nobody else's login.
        (config / "config.json").write_text(files.get("auth.json", "{}"))
        await _run(["--config", str(config), "pull", reference], on_line)
        said: list[str] = []
        await _run(
            ["image", "inspect", "--format", "{{json .RepoDigests}}", reference], said.append
        )
        await _run(["save", "--output", str(archive), reference], on_line)
    finally:
        shutil.rmtree(config, ignore_errors=True)
    return digest_in("".join(said), reference)


def digest_in(said: str, reference: str) -> str:
    """Return the digest of an image among its `RepoDigests`, the one of its own repository.

    Raises:
        DockerError: there is none.
    """
    try:
        found = [str(text).partition("@") for text in json.loads(said) or ()]
    except (ValueError, TypeError) as error:
        raise DockerError(f"docker says no digests of {reference}: {said[:200]!r}") from error
    repository = reference.partition("@")[0]
    host, _, last = repository.rpartition("/")
    repository = f"{host}/{last.partition(':')[0]}"
    for name, _, digest in found:
        # Its client leaves out what it takes for granted: docker.io, and docker.io/library.
        if name == repository or repository in (f"docker.io/{name}", f"docker.io/library/{name}"):
            return digest
    raise DockerError(f"docker gives {reference} no digest of {repository}: {said[:200]}")


async def _run(arguments: Sequence[str], on_line: Callable[[str], None]) -> None:
    last: list[str] = []
    try:
        process = await asyncio.create_subprocess_exec(
            "docker",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={name: os.environ[name] for name in _VARIABLES if name in os.environ},
        )
    except OSError as error:
        raise DockerError(f"docker cannot be started: {error}") from error
    try:
        if process.stdout is not None:
            async for line in process.stdout:
                text = line.decode(errors="replace").rstrip()
                last = [*last, text][-_LAST_LINES:]
                on_line(text)
        if await process.wait() != 0:
            command = next(word for word in arguments if word in ("pull", "image", "save"))
            raise DockerError(f"docker {command} failed: {' / '.join(filter(None, last))}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
