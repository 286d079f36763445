"""Channels: which there are, what their files hold, read into tables."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelyard.images.training import content_types
from modelyard.images.training.errors import ClientError
from modelyard.images.training.streams import drained

if TYPE_CHECKING:
    from modelyard.images.training.readers import Reading, Rows, Source

TRAIN, VALIDATION, TEST = "train", "validation", "test"


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Which channels and content types an image takes."""

    channels: tuple[str, ...]
    required: tuple[str, ...] = (TRAIN,)
    content_types: Mapping[str, content_types.Format]
    default: str  # the ContentType where "train" has none
    label_sizes: tuple[int, ...] = (1,)  # of a CSV: columns that are the label
    notes: frozenset[str] = frozenset()  # names of files that are no data


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One input of the job."""

    name: str
    format: content_types.Format
    folder: Path
    sharded: bool = False  # each host has other files
    labelled: bool = True  # the first column of a CSV is the label
    notes: frozenset[str] = frozenset()  # names of files that are no data


@dataclass(frozen=True, kw_only=True)
class Table:
    """All rows of a channel on this host, in the order of their files' names."""

    channel: str
    parts: list[Rows]
    width: int  # features; of sparse rows, as far as this host's tell
    sparse: bool

    @property
    def height(self) -> int:
        """The number of rows."""
        return sum(len(part.labels) for part in self.parts)


def channels(
    configured: Mapping[str, Mapping[str, Any]], folder: Callable[[str], Path], inputs: Inputs
) -> dict[str, Channel]:
    """Return the job's channels by name.

    Args:
        configured: the InputDataConfig of each.
        folder: tells where a channel's files are.
        inputs: what the image takes.

    Raises:
        ClientError: names all that is wrong with them.
    """
    problems = [
        problem for name in configured for problem in _problems(name, configured[name], inputs)
    ]
    missing = [name for name in inputs.required if name not in configured]
    problems[:0] = [f"there is no channel '{name}', which is required" for name in missing]
    found: dict[str, Channel] = {}
    default = str((configured.get(TRAIN) or {}).get("ContentType") or inputs.default)
    for name in (name for name in inputs.channels if name in configured):
        try:
            content_type = str(configured[name].get("ContentType") or default)
            found[name] = Channel(
                name=name,
                format=content_types.parse(
                    content_type,
                    channel=name,
                    formats=inputs.content_types,
                    label_sizes=inputs.label_sizes,
                ),
                folder=_place(name, configured[name], folder),
                sharded=configured[name].get("S3DistributionType") == "ShardedByS3Key",
                labelled=content_types.label_size(content_type) == "1",
                notes=inputs.notes,
            )
        except ClientError as error:
            problems.append(str(error))
    if problems:
        raise ClientError("; ".join(problems))
    return found


def _problems(name: str, config: Mapping[str, Any], inputs: Inputs) -> Iterator[str]:
    if name == "code":
        yield "channel 'code' asks for script mode: the built-in image runs no scripts"
    elif name not in inputs.channels:
        near = difflib.get_close_matches(name, inputs.channels, n=1)
        hint = f": did you mean {near[0]}?" if near else ""
        yield f"channel '{name}' must be one of {', '.join(inputs.channels)}{hint}"


def _place(name: str, config: Mapping[str, Any], folder: Callable[[str], Path]) -> Path:
    """Return where a channel's files are; what comes as a stream is put into some first."""
    if config.get("TrainingInputMode") != "Pipe":
        return folder(name)
    try:
        return drained(folder(name), wrapped=config.get("RecordWrapperType") == "RecordIO")
    except (OSError, ValueError) as error:
        raise ClientError(f"channel '{name}': its stream cannot be read: {error}") from error


def files(folder: Path) -> list[tuple[str, Path]]:
    """Return (key, path) of the data files below a folder, sorted by key as an S3 listing is.

    Names that begin with `.` or `_` are other programs' notes (`_SUCCESS`), as are folders of such
    names.
    """
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        for name in names:
            if not name.startswith((".", "_")):
                path = Path(parent, name)
                found.append((path.relative_to(folder).as_posix(), path))
    return sorted(found, key=lambda item: item[0].encode())


def lines(channel: Channel) -> Iterator[tuple[str, str]]:
    """Read the lines of a channel's files, as (where it stands, text), without empty ones.

    Raises:
        ClientError: there are no files, or one is not text.
    """
    listed = files(channel.folder)
    if not listed:
        raise _no_files(channel)
    for key, path in listed:
        place = f"channel '{channel.name}', file '{key}'"
        try:
            with path.open(encoding="utf-8-sig") as file:
                for number, line in enumerate(file, 1):
                    if text := line.strip():
                        yield f"{place}, line {number}", text
        except UnicodeDecodeError as error:
            raise ClientError(f"{place}: this is not text in UTF-8: {error}") from error


def read(channel: Channel, reading: Reading) -> Table:
    """Read all files of a channel.

    Raises:
        ClientError: there are none, or something in them is wrong.
    """
    from modelyard.images.training import readers  # numpy comes when there is something to read

    parts: list[Rows] = []
    listed = [(key, path) for key, path in files(channel.folder) if path.name not in channel.notes]
    for key, path in listed:
        source = readers.Source(channel=channel.name, name=key, path=path)
        for rows in readers.read(channel.format, source, reading):
            if parts:
                _check_like(rows, parts[0], source, listed[0][0])
            parts.append(rows)
    if not listed:
        raise _no_files(channel)
    return Table(
        channel=channel.name,
        parts=parts,
        width=max(part.width for part in parts),
        sparse=parts[0].sparse,
    )


def _no_files(channel: Channel) -> ClientError:
    hint = "; ShardedByS3Key needs as many objects as hosts" if channel.sharded else ""
    return ClientError(
        f"channel '{channel.name}' has no files (names that begin with . or _ do not count){hint}"
    )


def _check_like(rows: Rows, first: Rows, source: Source, first_name: str) -> None:
    if rows.sparse != first.sparse:
        raise source.wrong(f"some records are sparse, some (in '{first_name}') are dense")
    if not first.sparse and rows.width != first.width:
        raise source.wrong(f"{rows.width} features, where '{first_name}' has {first.width}")
    if (rows.queries is None) != (first.queries is None):
        raise source.wrong(f"every row of all files must have one qid, or none may: '{first_name}'")
