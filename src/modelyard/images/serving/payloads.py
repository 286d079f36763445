"""Requests become rows: the formats that AWS's own algorithms read.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-inference.html
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelyard.images.recordio import decoding
from modelyard.images.recordio.framing import records
from modelyard.images.serving._base import Refused

CSV = "text/csv"
JSON = "application/json"
JSON_LINES = "application/jsonlines"
RECORDIO = "application/x-recordio-protobuf"
ALL = (CSV, JSON, JSON_LINES, RECORDIO)

Rows = NDArray[np.float32]  # (records, width)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A payload's rows, and what else it asks."""

    rows: Rows
    configuration: dict[str, Any]  # of the first instance, in JSON


def kind_of(content_type: str, accepted: Sequence[str], *, default: str = "") -> str:
    """Return a content type without its parameters.

    Raises:
        Refused: 415, it is not one of those accepted.
    """
    kind = content_type.partition(";")[0].strip().lower() or default
    if kind not in accepted:
        raise Refused(415, f"Content-Type {content_type!r} must be one of {', '.join(accepted)}")
    return kind


def decode(body: bytes, content_type: str, *, width: int, accepted: Sequence[str] = ALL) -> Request:
    """Return the rows of a payload.

    Args:
        width: how many features the model has.
        accepted: the content types that the algorithm reads; the first one is the default.

    Raises:
        Refused: 415, the content type is none of them; 400, the body is not what it says.
    """
    kind = kind_of(content_type, accepted, default=accepted[0])
    try:
        if kind == CSV:
            return Request(rows=_csv(body, width), configuration={})
        if kind == RECORDIO:
            return Request(rows=_recordio(body, width), configuration={})
        instances = list(_instances(body, lines=kind == JSON_LINES))
        rows = [_checked(_vector(instance), width, at) for at, instance in enumerate(instances, 1)]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Refused(400, f"The payload is not {kind} that can be scored: {error}") from error
    if not rows:
        raise Refused(400, "The payload has no records: send at least one")
    return Request(rows=_finite(np.stack(rows)), configuration=_configuration(instances[0]))


def _csv(body: bytes, width: int) -> Rows:
    lines = [line for line in body.decode("utf-8-sig").splitlines() if line.strip()]
    if not lines:
        raise ValueError("it has no rows")
    for number, line in enumerate(lines, 1):
        fields = line.count(",") + 1
        if fields != width:
            raise ValueError(
                f"row {number} has {fields} values, where the model has {width} features: send "
                f"the features only, without a label"
            )
    return _finite(np.loadtxt(io.StringIO("\n".join(lines)), np.float32, delimiter=",", ndmin=2))


def _recordio(body: bytes, width: int) -> Rows:
    rows = [
        _checked(decoding.features(decoding.parse(content)), width, at)
        for at, content in enumerate(records(io.BytesIO(body)), 1)
    ]
    if not rows:
        raise ValueError("it has no records")
    return _finite(np.stack(rows))


def _instances(body: bytes, *, lines: bool) -> Iterator[Any]:
    if lines:
        yield from (json.loads(line) for line in body.splitlines() if line.strip())
        return
    document = json.loads(body)
    instances = document.get("instances") if isinstance(document, dict) else None
    if not isinstance(instances, list):
        raise TypeError('it must be an object with a list "instances"')
    yield from instances


def _vector(instance: Any) -> decoding.Vector:
    """Return one instance's features: a list, or an object in one of the documented forms."""
    found = instance
    if isinstance(found, dict):
        found = found.get("data", found)
        if not isinstance(found, dict) or "features" not in found:
            raise ValueError('an instance must have "features"')
        found = found["features"]
    if not isinstance(found, dict):
        found = {"values": found}
    values = np.array(found["values"], np.float32)
    if values.ndim != 1:
        raise ValueError('the "values" of an instance must be a list of numbers')
    return decoding.vector(
        values, np.array(found.get("keys", ()), np.int64), list(found.get("shape", ()))
    )


def _configuration(instance: Any) -> dict[str, Any]:
    found = instance.get("configuration") if isinstance(instance, dict) else None
    return found if isinstance(found, dict) else {}


def _checked(vector: decoding.Vector, width: int, at: int) -> Rows:
    fits = vector.width <= width if vector.sparse else vector.width == width
    if not fits:
        raise ValueError(f"record {at} has {vector.width} features, where the model has {width}")
    if not vector.sparse:
        return vector.values
    row = np.zeros(width, np.float32)
    row[vector.columns] = vector.values
    return row


def _finite(rows: Rows) -> Rows:
    if not np.isfinite(rows).all():
        row, column = np.argwhere(~np.isfinite(rows))[0]
        raise ValueError(
            f"feature {column} of record {row + 1} is missing or infinite: send a number"
        )
    return rows
