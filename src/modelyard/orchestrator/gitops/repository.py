"""The configuration repository: a bare one in the home, kept by the system's git.

git is told everything: it reads no settings of this machine or of its user, runs no hook, asks
nobody anything and calls nobody. What a client can write is objects and references, nothing else
of the repository.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

BRANCH = "main"
REFERENCE = f"refs/heads/{BRANCH}"
NO_COMMIT = "0" * 40
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")  # CodeCommit's rule for repositories

MAX_PUSH_BYTES = 64 << 20

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SECONDS = 60.0

#: What git is told each time, beside what the command line says.
_TOLD: Mapping[str, str] = {
    "core.hooksPath": os.devnull,
    "gc.auto": "0",
    "http.receivepack": "true",
    "http.uploadpack": "true",
    "pack.threads": "1",
    "protocol.version": "2",
    "receive.advertisePushOptions": "false",
    "receive.autogc": "false",
    "receive.denyCurrentBranch": "ignore",  # no files are checked out of a bare repository
    "receive.denyDeleteCurrent": "refuse",
    # What was provisioned stays in the history.
    "receive.denyNonFastForwards": "true",
    "receive.fsckObjects": "true",
    "receive.maxInputSize": str(MAX_PUSH_BYTES),
    "safe.directory": "*",  # whoever owns the home: git is only ever shown this repository
    "transfer.fsckObjects": "true",
    "uploadpack.allowAnySHA1InWant": "false",
    "uploadpack.allowFilter": "false",
}


class GitFailed(Exception):
    """git did not do what it was asked; the message has its own words."""


class FileTooLarge(Exception):
    """A file has more bytes than its reader takes."""


def git_program() -> str | None:
    """Return where git with its HTTP backend is, or None where that is not installed."""
    found = shutil.which("git")
    if found is None:
        return None
    folder = subprocess.run(
        [found, "--exec-path"], capture_output=True, text=True, check=False, timeout=_SECONDS
    ).stdout.strip()
    return found if folder and (Path(folder) / "git-http-backend").is_file() else None


def git_environment() -> dict[str, str]:
    """Return all that a git of this server has of an environment."""
    told = {
        "GIT_CONFIG_COUNT": str(len(_TOLD)),
        **{f"GIT_CONFIG_KEY_{at}": key for at, key in enumerate(_TOLD)},
        **{f"GIT_CONFIG_VALUE_{at}": value for at, value in enumerate(_TOLD.values())},
    }
    return {
        **told,
        "PATH": os.defpath,
        "HOME": os.devnull,
        "LANG": "C.UTF-8",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }


class Repository:
    """One bare repository. Its methods wait for git: call them in a thread.

    Args:
        program: of git.
        folder: that it is in; others of the same server may be there too.
    """

    def __init__(self, program: str, folder: Path, name: str) -> None:
        self.program = program
        self.name = name
        self.path = folder / f"{name}.git"

    def establish(self) -> None:
        """Make it, where it is not there yet.

        Raises:
            GitFailed: it cannot be made.
        """
        if (self.path / "HEAD").is_file():
            return
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise GitFailed(f"{self.path}: {error.strerror}") from error
        self._git("init", "--quiet", "--bare", f"--initial-branch={BRANCH}", "--template=", ".")

    def tip(self) -> str | None:
        """Return the newest commit of the branch `main`, or None where there is none yet."""
        return self._line("rev-parse", "--quiet", "--verify", f"{REFERENCE}^{{commit}}")

    def gained(self, commit: str, before: str) -> bool:
        """Return whether the branch `main` has a commit that it had not while it was at `before`.

        Args:
            before: a commit, or `NO_COMMIT` where the branch had none.
        """
        if not self._is_in(commit, REFERENCE):
            return False
        return before == NO_COMMIT or not self._is_in(commit, before)

    def has(self, commit: str, name: str) -> bool:
        """Return whether a commit has a file of that name."""
        return self._blob(commit, name) is not None

    def same(self, one: str, other: str, name: str) -> bool:
        """Return whether two commits have the same file, or both none."""
        return self._blob(one, name) == self._blob(other, name)

    def file(self, commit: str, name: str, *, max_bytes: int) -> bytes | None:
        """Return a file as a commit has it, or None where it has none.

        Raises:
            FileTooLarge: it has more than `max_bytes`.
            GitFailed: it cannot be read.
        """
        blob = self._blob(commit, name)
        if blob is None:
            return None
        size = int(self._line("cat-file", "-s", blob) or "0")
        if size > max_bytes:
            raise FileTooLarge(f"{name} has {size} bytes, and may have {max_bytes}: split it")
        return self._git("cat-file", "blob", blob)

    def _blob(self, commit: str, name: str) -> str | None:
        if _COMMIT.fullmatch(commit) is None or commit == NO_COMMIT:
            return None
        blob = self._line("rev-parse", "--quiet", "--verify", f"{commit}:{name}")
        return blob if blob is not None and self._line("cat-file", "-t", blob) == "blob" else None

    def _is_in(self, commit: str, history: str) -> bool:
        if _COMMIT.fullmatch(commit) is None:
            return False
        return self._run("merge-base", "--is-ancestor", commit, history).returncode == 0

    def _line(self, *arguments: str) -> str | None:
        done = self._run(*arguments)
        return done.stdout.decode().strip() or None if done.returncode == 0 else None

    def _git(self, *arguments: str) -> bytes:
        done = self._run(*arguments)
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            raise GitFailed(f"git {arguments[0]} in {self.path}: {said[:500]}")
        return done.stdout

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                [self.program, *arguments],
                cwd=self.path,
                env={**git_environment(), "GIT_DIR": str(self.path)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise GitFailed(f"git {arguments[0]} in {self.path}: {error}") from error
