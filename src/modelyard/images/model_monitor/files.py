"""Input files are found in a stable order; output files appear whole or not at all."""

from __future__ import annotations

import gzip
import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import orjson

from modelyard.images.processing.errors import ClientError
from modelyard.images.processing.files import write_whole

_PASSED_OVER = (".", "_")  # aside files and markers such as _SUCCESS


def find(source: Path) -> list[Path]:
    """Return the files below a folder (or the file itself), sorted by path, without empty ones.

    Raises:
        ClientError: there is no such folder.
    """
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise ClientError(f"{source} does not exist: check the job's inputs")
    return sorted(_walk(source))


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder, followlinks=False):
        folders[:] = [name for name in folders if not name.startswith(_PASSED_OVER)]
        for name in names:
            path = Path(root, name)
            if not name.startswith(_PASSED_OVER) and path.is_file() and path.stat().st_size:
                yield path


def opened(path: Path) -> BinaryIO:
    """Open a file for reading, through gzip where its name says so."""
    if path.suffix == ".gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    return path.open("rb")


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a document; not-a-number becomes the text "NaN", as in the reference's files."""
    write_whole(path, orjson.dumps(_plain(document), option=orjson.OPT_INDENT_2))


def read_json(path: Path, what: str) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ClientError: there is none; `what` says what it would have been.
    """
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise ClientError(f"{what} cannot be read: {path}: {error.strerror}") from error
    except ValueError as error:
        raise ClientError(f"{what} is not JSON: {path}: {error}") from error
    if not isinstance(document, dict):
        raise ClientError(f"{what} must be a JSON object: {path}")
    return document


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], float) and _all_finite(value):
        return value  # a sketch, mostly: thousands of numbers
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    return value


def _all_finite(values: list[Any]) -> bool:
    try:
        return all(map(math.isfinite, values))
    except TypeError:  # not all of them are numbers
        return False
