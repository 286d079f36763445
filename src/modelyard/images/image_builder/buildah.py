"""Buildah, the engine: called as its public command line says, nothing of it is patched.

It keeps images in a storage of its own (driver vfs: plain folders, which works everywhere), runs
RUN steps in a chroot (`--isolation chroot`), and is itself in a sandbox that shows it nothing but
the build. Debian package `buildah`, https://buildah.io
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

#: The registry whose images need no registry's name: `FROM python:3.12`.
_SHORT_NAMES = "docker.io/"
_OWN_SHORT_NAMES = "docker.io/library/"
_IMAGE_ID = re.compile(r"[0-9a-f]{64}")
_LOOPBACK = ("127.0.0.1", "localhost")


class BuildError(Exception):
    """The image cannot be built; the message is for whoever wrote its Dockerfile."""


class Buildah:
    """One storage of images, and what may be pulled into it.

    Args:
        folder: its own; made anew, and removed by `close`.
        registries: that images may be pulled from: `docker.io`, `ghcr.io`.
        bases: the full names of images that will be there, so that their short ones mean them.
    """

    def __init__(self, folder: Path, registries: Sequence[str], bases: Iterable[str] = ()) -> None:
        self._folder = folder
        remove(folder)  # of a build that was killed
        for name in ("storage", "run", "config"):
            (folder / name).mkdir(parents=True)
        self._registries = registries
        self._config = folder / "config"
        for name, text in {
            "policy.json": json.dumps(_policy(registries)),
            "registries.conf": _registries_conf(registries, bases),
            "storage.conf": '[storage]\ndriver = "vfs"\n',
        }.items():
            (self._config / name).write_text(text)
        self._environment = {
            **os.environ,
            "BUILDAH_ISOLATION": "chroot",
            "CONTAINERS_REGISTRIES_CONF": str(self._config / "registries.conf"),
            "CONTAINERS_STORAGE_CONF": str(self._config / "storage.conf"),
            "_CONTAINERS_USERNS_CONFIGURED": "1",  # the sandbox is one
        }

    def build(self, context: Path, dockerfile: str, name: str, on_line: _OnLine) -> None:
        """Build the image `name`.

        Raises:
            BuildError: buildah says why, on the lines that it gave.
        """
        options = ["--isolation", "chroot", "--format", "oci", "--layers=false", "--pull-never"]
        self._run(
            ["build", *options, "--file", str(context / dockerfile), "--tag", name, str(context)],
            on_line,
        )

    def pull(self, source: str, name: str, on_line: _OnLine) -> None:
        """Pull an image, `docker://…` or `oci:…`, and call it `name`.

        Raises:
            BuildError: it is not there, or may not be pulled.
        """
        transport, _, rest = source.partition("://")
        host = rest.partition("/")[0]
        if transport == "docker" and host not in self._registries:
            raise BuildError(f"images are not pulled from {host}")
        found: list[str] = []

        def note(line: str) -> None:
            found.append(line)
            on_line(line)

        self._run(["pull", source], note)
        pulled = next(line for line in reversed(found) if _IMAGE_ID.fullmatch(line))
        self._run(["tag", pulled, name], on_line)

    def export(self, name: str, layout: Path, on_line: _OnLine) -> None:
        """Write an image as an OCI image layout with uncompressed layers.

        Raises:
            BuildError: it cannot be written.
        """
        self._run(["push", "--disable-compression", name, f"oci:{layout}:latest"], on_line)

    def close(self) -> None:
        """Remove the storage: some of its files are of users that only this namespace has."""
        remove(self._folder)

    def _run(self, arguments: Sequence[str], on_line: _OnLine) -> None:
        command, *rest = arguments
        policy = (
            [] if command == "tag" else ["--signature-policy", str(self._config / "policy.json")]
        )
        places = ["--root", str(self._folder / "storage"), "--runroot", str(self._folder / "run")]
        process = subprocess.Popen(
            [
                *("buildah", *places, "--storage-driver", "vfs"),
                *("--registries-conf", str(self._config / "registries.conf")),
                *("--short-name-alias-conf", str(self._config / "aliases.conf")),  # else in /var
                *(command, *policy, *rest),
            ],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        if process.stdout is not None:
            for line in process.stdout:
                on_line(line.rstrip("\n"))
        if process.wait() != 0:
            raise BuildError(f"buildah {command} ended with {process.returncode}")


_OnLine = Callable[[str], None]


def remove(folder: Path) -> None:
    """Remove a folder that images were built in, also where it is closed to its owner."""
    if not folder.exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for place, _, _ in os.walk(folder):
            os.chmod(place, 0o700)  # noqa: PTH101 - it is a text
        shutil.rmtree(folder)


def _policy(registries: Sequence[str]) -> dict[str, object]:
    """Return containers-policy.json(5): what is not named here is refused."""
    accepted = [{"type": "insecureAcceptAnything"}]
    local = {"": accepted}
    return {
        "default": [{"type": "reject"}],
        "transports": {
            "docker": dict.fromkeys(registries, accepted),
            "oci": local,
            "containers-storage": local,
        },
    }


def _registries_conf(registries: Sequence[str], bases: Iterable[str]) -> str:
    """Return containers-registries.conf(5): one on this machine itself needs no TLS."""
    lines = ["unqualified-search-registries = []", "[aliases]"]
    for short, name in _aliases(bases).items():
        lines.append(f"{json.dumps(short)} = {json.dumps(name)}")
    for registry in registries:
        if registry.partition(":")[0] in _LOOPBACK:
            lines += ["[[registry]]", f"location = {json.dumps(registry)}", "insecure = true"]
    return "\n".join(lines) + "\n"


def _aliases(bases: Iterable[str]) -> dict[str, str]:
    """Return the short names of images of the registry that needs none, without their tags."""
    found: dict[str, str] = {}
    for base in bases:
        name = base.partition("@")[0].rpartition(":")[0] or base
        for prefix in (_OWN_SHORT_NAMES, _SHORT_NAMES):
            if name.startswith(prefix):
                found.setdefault(name.removeprefix(prefix), name)
    return found


def say(line: str) -> None:
    """Write a line to the build's log."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
