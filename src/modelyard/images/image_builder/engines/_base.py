"""What an engine is: something that builds and pulls container images by its command line.

Nothing of it is patched. It keeps images in a storage of its own (driver vfs: plain folders, which
works everywhere), runs RUN steps in a chroot (`--isolation chroot`), and is itself in a sandbox
that shows it nothing but the build.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

#: The registry whose images need no registry's name: `FROM python:3.12`.
_SHORT_NAMES = "docker.io/"
_OWN_SHORT_NAMES = "docker.io/library/"
_IMAGE_ID = re.compile(r"[0-9a-f]{64}")
_LOOPBACK = ("127.0.0.1", "localhost")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class BuildError(Exception):
    """The image cannot be built; the message is for whoever wrote its Dockerfile."""


class Engine(ABC):
    """One storage of images, and what may be pulled into it.

    Args:
        folder: its own; made anew, and removed by `close`.
        registries: that images may be pulled from: `docker.io`, `ghcr.io`.
        bases: the full names of images that will be there, so that their short ones mean them.
        secrets: a folder with `auth.json`, what registries know the server by, and `ca.crt`, an
            authority that vouches for them; each where there is one.
    """

    program: str  # on the machine's path

    def __init__(
        self,
        folder: Path,
        registries: Sequence[str],
        bases: Iterable[str] = (),
        *,
        secrets: Path | None = None,
    ) -> None:
        self._folder = folder
        remove(folder)  # of a build that was killed
        for name in ("storage", "run", "config"):
            (folder / name).mkdir(parents=True)
        self._registries = registries
        self._secrets = secrets
        self._config = folder / "config"
        for name, text in {
            "policy.json": json.dumps(_policy(registries)),
            "registries.conf": _registries_conf(registries, bases, self._verified),
            "storage.conf": _storage_conf(folder),
        }.items():
            (self._config / name).write_text(text)
        self._environment = {
            **os.environ,
            "BUILDAH_ISOLATION": "chroot",
            "CONTAINERS_REGISTRIES_CONF": str(self._config / "registries.conf"),
            "CONTAINERS_STORAGE_CONF": str(self._config / "storage.conf"),
            "_CONTAINERS_USERNS_CONFIGURED": "1",  # the sandbox is one
        }

    @property
    def _verified(self) -> bool:
        """Whether an authority was named, which then vouches for every registry."""
        return self._secrets is not None and (self._secrets / "ca.crt").is_file()

    @property
    def places(self) -> Sequence[str]:
        """The options, of every command, that say where its storage is."""
        return (
            *("--root", str(self._folder / "storage"), "--runroot", str(self._folder / "run")),
            *("--storage-driver", "vfs"),
        )

    @property
    def config(self) -> Path:
        """The folder of its configuration files."""
        return self._config

    @property
    @abstractmethod
    def options(self) -> Sequence[str]:
        """The options of every command, ahead of it."""

    @property
    @abstractmethod
    def never_pull(self) -> Sequence[str]:
        """The options of `build` that keep it from pulling anything itself."""

    @abstractmethod
    def described(self, name: str) -> Sequence[str]:
        """Return the command that prints an image's digest."""

    @abstractmethod
    def saved(self, name: str, layout: Path) -> Sequence[str]:
        """Return the command that writes an OCI image layout with uncompressed layers."""

    def build(self, context: Path, dockerfile: str, name: str, on_line: _OnLine) -> None:
        """Build the image `name`.

        Raises:
            BuildError: the engine says why, on the lines that it gave.
        """
        options = ["--isolation", "chroot", "--format", "oci", "--layers=false", *self.never_pull]
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

        self._run(["pull", *self._access(transport), source], note)
        pulled = next(line for line in reversed(found) if _IMAGE_ID.fullmatch(line))
        self._run(["tag", pulled, name], on_line)

    def digest(self, name: str) -> str:
        """Return the digest that an image has where it was pulled from.

        Raises:
            BuildError: it has none.
        """
        found: list[str] = []
        self._run(self.described(name), found.append)
        digest = found[-1].strip() if found else ""
        if not _DIGEST.fullmatch(digest):
            raise BuildError(f"{name} has no digest: {self.program} says {digest!r}")
        return digest

    def export(self, name: str, layout: Path, on_line: _OnLine) -> None:
        """Write an image as an OCI image layout with uncompressed layers.

        Raises:
            BuildError: it cannot be written.
        """
        self._run(self.saved(name, layout), on_line)

    def close(self) -> None:
        """Remove the storage: some of its files are of users that only this namespace has."""
        remove(self._folder)

    def _run(self, arguments: Sequence[str], on_line: _OnLine) -> None:
        command, *rest = arguments
        policy = ["--signature-policy", str(self._config / "policy.json")]
        process = subprocess.Popen(
            [
                *(self.program, *self.places, *self.options, command),
                *(policy if command in _JUDGED else ()),
                *rest,
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
            raise BuildError(f"{self.program} {command} ended with {process.returncode}")

    def _access(self, transport: str) -> Sequence[str]:
        """Return the options of `pull` that name the secrets, for a registry."""
        if transport != "docker" or self._secrets is None:
            return ()
        login, authority = self._secrets / "auth.json", self._secrets / "ca.crt"
        return (
            *(("--authfile", str(login)) if login.is_file() else ()),
            *(("--cert-dir", str(self._secrets)) if authority.is_file() else ()),
        )


#: The commands that look whether an image may be used at all.
_JUDGED = ("build", "pull", "push", "save")

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


def _storage_conf(folder: Path) -> str:
    """Return containers-storage.conf(5)."""
    places = {"driver": "vfs", "graphroot": folder / "storage", "runroot": folder / "run"}
    lines = [f"{name} = {json.dumps(str(value))}" for name, value in places.items()]
    return "\n".join(["[storage]", *lines, ""])


def _registries_conf(registries: Sequence[str], bases: Iterable[str], verified: bool) -> str:
    """Return containers-registries.conf(5).

    Args:
        verified: whether a registry on this machine itself needs TLS too.
    """
    lines = ["unqualified-search-registries = []", "[aliases]"]
    for short, name in _aliases(bases).items():
        lines.append(f"{json.dumps(short)} = {json.dumps(name)}")
    for registry in registries:
        if not verified and registry.partition(":")[0] in _LOOPBACK:
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
