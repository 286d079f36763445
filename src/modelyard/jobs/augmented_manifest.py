"""Augmented manifests: JSON lines whose attributes are values, or refer to objects.

Staged, such a channel is a folder with `manifest.jsonl`, a line per record with the values of the
attributes in the order that the job gave, and the objects that they refer to under `objects/`.

Format: https://docs.aws.amazon.com/sagemaker/latest/dg/augmented-manifest.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from modelyard.jobs.data_error import DataError
from modelyard.store.s3_uris import S3Uri

REFERENCE = "-ref"  # how the name of an attribute ends that refers to an object

#: Puts an object where a host reads it: as (its URI, the file).
Place = Callable[[S3Uri, Path], None]
#: A record: each attribute's value, or the object that it refers to.
Record = list[str | S3Uri]


def records(text: bytes, label: str, uri: S3Uri, attributes: Sequence[str]) -> list[Record]:
    """Return the records of a manifest.

    Args:
        label: what errors call the input: "channel 'train'".

    Raises:
        DataError: a line is not as it must be, or there is none.
    """
    found = [
        _record(line, f"{label}: line {number} of the augmented manifest {uri}", attributes)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip()
    ]
    if not found:
        raise DataError(f"{label}: the augmented manifest {uri} has no records")
    return found


def write(records: Sequence[Record], folder: Path, place: Place) -> None:
    """Write one host's records, and have the objects placed that they refer to.

    Raises:
        What `place` raises.
    """
    files: dict[S3Uri, str] = {}
    lines = []
    for record in records:
        values = []
        for value in record:
            if isinstance(value, S3Uri):
                if value not in files:
                    files[value] = f"objects/{len(files)}"
                    place(value, folder / files[value])
                values.append({"object": files[value]})
            else:
                values.append({"text": value})
        lines.append(json.dumps(values))
    (folder / "manifest.jsonl").write_text("".join(f"{line}\n" for line in lines))


def _record(line: bytes, where: str, attributes: Sequence[str]) -> Record:
    try:
        given = json.loads(line)
    except ValueError as error:
        raise DataError(f"{where} is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise DataError(f"{where} must be a JSON object")
    missing = [name for name in attributes if name not in given]
    if missing:
        raise DataError(
            f"{where} lacks {', '.join(missing)}; it has {', '.join(given)}: correct it, or "
            "AttributeNames"
        )
    return list(_values(given, where, attributes))


def _values(given: dict[str, Any], where: str, attributes: Sequence[str]) -> Iterator[str | S3Uri]:
    for name in attributes:
        value = given[name]
        if name.endswith(REFERENCE):
            try:
                yield S3Uri.parse(str(value))
            except ValueError as error:
                raise DataError(f"{where}: {name}: {error}") from error
        else:
            yield value if isinstance(value, str) else json.dumps(value)
