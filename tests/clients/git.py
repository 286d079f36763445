"""A clone of the server's configuration repository, as one person has it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from tests.clients.people import As
from tests.live import LiveServer

REPOSITORY = "mlops-config"
FILE = "mlops-config.json"


class Clone:
    """A working copy; `who` None is the root."""

    def __init__(self, server: LiveServer, folder: Path, who: As | None = None) -> None:
        self.folder = folder
        self.exports = server.env if who is None else who.exports
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main", ".")
        self.git("remote", "add", "origin", self.url(server))

    def url(self, server: LiveServer) -> str:
        key, secret = (
            quote(self.exports[name], safe="")
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        )
        parts = urlsplit(server.env["AWS_ENDPOINT_URL"])
        return f"{parts.scheme}://{key}:{secret}@{parts.netloc}/v1/repos/{REPOSITORY}"

    def git(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        name = {"GIT_AUTHOR_NAME": "Dana", "GIT_AUTHOR_EMAIL": "dana@example.org"}
        committer = {"GIT_COMMITTER_NAME": "Dana", "GIT_COMMITTER_EMAIL": "dana@example.org"}
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_TERMINAL_PROMPT": "0",
                **name,
                **committer,
            },
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    def update(self) -> None:
        """Bring the working copy to what the repository has, if it has anything."""
        if self.git("ls-remote", "origin", "refs/heads/main").stdout:
            self.git("pull", "--quiet", "origin", "main")

    def commit(self, content: Any, file: str = FILE) -> str:
        """Commit a file, JSON unless it is text, and return the commit."""
        text = content if isinstance(content, str) else json.dumps(content, indent=2)
        (self.folder / file).write_text(text)
        self.git("add", file)
        self.git("commit", "--quiet", "--allow-empty", "--message", "Configure")
        return self.git("rev-parse", "HEAD").stdout.strip()

    def push(self, *options: str, check: bool = True) -> str:
        """Push the branch `main`, and return what git says."""
        done = self.git("push", *options, "origin", "HEAD:main", check=check)
        return done.stderr
