"""Builds the environment of a requirements.txt: resolved, locked with hashes, installed.

    /opt/ml/requirements.txt   what the user asks for
    /opt/ml/environment/       what comes of it: packages, and their lock

What this Python has is preferred in the resolution, and not installed a second time. Only wheels
are taken: nothing of a stranger's runs here.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

LOCK = "requirements.lock"
_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)")


def build() -> int:
    """Build it; return the exit code, uv's own where that is not 0."""
    base = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
    uv = shutil.which("uv")
    if uv is None:
        print("there is no uv, which installs requirements.txt: pip install uv", flush=True)
        return 1
    target = base / "environment"
    target.mkdir(exist_ok=True)
    lock = target / LOCK
    # The pins of an earlier resolution are what uv prefers.
    lock.write_text("".join(f"{name}=={version}\n" for name, version in _installed().items()))
    shared = ["--quiet", "--no-progress", "--cache-dir", str(base / "cache"), "--no-config"]
    code = _run(
        *(uv, "pip", "compile", *shared, "--generate-hashes", "--only-binary", ":all:"),
        *("--no-header", "--no-annotate", "--python", sys.executable),
        *("--output-file", str(lock), str(base / "requirements.txt")),
    )
    if code != 0:
        return code
    wanted = list(missing(lock.read_text(), _installed()))
    if not wanted:
        return 0
    (base / "missing.txt").write_text("\n".join(wanted) + "\n")
    return _run(
        *(uv, "pip", "install", *shared, "--no-deps", "--require-hashes", "--no-build"),
        *("--python", sys.executable, "--target", str(target)),
        *("--link-mode", "copy", "--requirements", str(base / "missing.txt")),
    )


def missing(lock: str, installed: dict[str, str]) -> Iterator[str]:
    """Yield the entries of a lock, with their hashes, that are not installed in that version."""
    for entry in _entries(lock.splitlines()):
        pin = _PIN.match(entry)
        if pin is None or installed.get(_normal(pin["name"])) != pin["version"]:
            yield entry


def _entries(lines: Iterable[str]) -> Iterator[str]:
    """Yield whole entries: a line, and those that a backslash joins to it."""
    entry: list[str] = []
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        entry.append(line)
        if not line.rstrip().endswith("\\"):
            yield "\n".join(entry)
            entry = []


def _installed() -> dict[str, str]:
    return {
        _normal(found.name): found.version
        for found in importlib.metadata.distributions()
        if found.name and _normal(found.name) != "modelyard"
    }


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _run(*command: str) -> int:
    return subprocess.run(command, check=False, stderr=subprocess.STDOUT).returncode
