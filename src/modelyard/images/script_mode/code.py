"""The user's code: where it comes from, and the one file of it that is run."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

from modelyard.images.script_mode.errors import ScriptError

#: The folder that the contract's paths begin with, wherever it really lies.
_PUBLIC_BASE = "/opt/ml"
_SHOWN = 20


def located(base: Path, path: str) -> Path:
    """Return where a path below /opt/ml really is."""
    if path == _PUBLIC_BASE or path.startswith(f"{_PUBLIC_BASE}/"):
        return base / path[len(_PUBLIC_BASE) :].lstrip("/")
    return Path(path)


def copy_code(source: Path, target: Path) -> None:
    """Make a folder of the code in a folder or a tar.gz, for the script to work in.

    Raises:
        ScriptError: there is none there, or the archive is damaged.
    """
    if source.is_dir():
        # Its modes and owners are of no use, and the copy is to be written to.
        shutil.copytree(source, target, copy_function=shutil.copyfile, dirs_exist_ok=True)
        return
    if not source.is_file():
        raise ScriptError(
            f"there is no code at {source}: give sagemaker_submit_directory the s3:// URI of a "
            "tar.gz, or a path below /opt/ml that holds one"
        )
    target.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(source, "r:gz") as archive:
            for member in archive:
                archive.extract(member, target, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ScriptError(f"the code in {source} cannot be unpacked: {error}") from error


def entry_point(folder: Path, program: str) -> Path:
    """Return the file of a folder that is to be run.

    Raises:
        ScriptError: it is not there; the message lists what is.
    """
    path = folder / program
    if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
        return path
    found = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    raise ScriptError(
        f"the script {program!r} is not in the code, which holds "
        f"{', '.join(found[:_SHOWN]) or 'no file'}{more}"
    )
