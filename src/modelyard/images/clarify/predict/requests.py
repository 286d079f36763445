"""Asking a model about rows: CSV, JSON Lines or JSON, by the templates of the configuration."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson
import polars as pl

from modelyard.images.clarify.predict.answers import CSV, JSON_LINES
from modelyard.images.processing.errors import ClientError

MOST_BYTES = 5 << 20  # of a request; endpoints take 6 MB
_PLACEHOLDER = re.compile(r'"\$\{(?P<name>[^}]+)\}"')
Request = tuple[bytes, int]  # a body, and how many records are in it


class RequestWriter:
    """How rows become requests.

    Args:
        content_type: one of CSV, JSON Lines and JSON.
        content_template: see `ModelConfig` of the sagemaker SDK; needed for JSON.
        record_template: likewise.

    Raises:
        ClientError: a template makes no JSON.
    """

    def __init__(
        self,
        content_type: str,
        content_template: str | None = None,
        record_template: str | None = None,
    ) -> None:
        self.content_type = content_type
        self._content = content_template or (
            "$features" if content_type == JSON_LINES else "$records"
        )
        self._record = record_template or "$features"

    def requests(self, frame: pl.DataFrame) -> Iterator[Request]:
        """Yield requests of at most `MOST_BYTES`, in the rows' order."""
        if self.content_type == CSV:
            lines = frame.write_csv(include_header=False).encode().splitlines(keepends=True)
            if frame.width == 1:  # an empty line is no record
                lines = [line if line.strip() else b'""\n' for line in lines]
            yield from _packed(lines, b"".join)
        elif self.content_type == JSON_LINES:
            lines = [
                _checked(self._content.replace("$features", _json(list(row)))) + b"\n"
                for row in frame.iter_rows()
            ]
            yield from _packed(lines, b"".join)
        else:
            yield from self._documents(frame)

    def _documents(self, frame: pl.DataFrame) -> Iterator[Request]:
        records = [_filled(self._record, frame.columns, row).encode() for row in frame.iter_rows()]
        if "$records" in self._content:
            yield from _packed(
                records,
                lambda part: _checked(
                    self._content.replace("$records", f"[{b','.join(part).decode()}]")
                ),
            )
            return
        for record in records:
            yield _checked(self._content.replace("$record", record.decode())), 1


def _filled(template: str, names: Sequence[str], row: Sequence[Any]) -> str:
    values: Mapping[str, Any] = dict(zip(names, row, strict=True))
    filled = template.replace("$features_kvp", _json(values))
    filled = filled.replace("$feature_names", _json(list(names)))
    filled = filled.replace("$features", _json(list(row)))

    def value(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in values:
            raise ClientError(
                f"predictor.record_template has ${{{name}}}, which is no feature: there are "
                f"{', '.join(names)}"
            )
        return _json(values[name])

    return _PLACEHOLDER.sub(value, filled)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _checked(text: str) -> bytes:
    body = text.encode()
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ClientError(
            f"predictor.content_template and record_template make no JSON ({error}): {text[:200]}"
        ) from error
    return body


def _packed(pieces: Sequence[bytes], join: Callable[[Sequence[bytes]], bytes]) -> Iterator[Request]:
    start = size = 0
    for index, piece in enumerate(pieces):
        if size and size + len(piece) > MOST_BYTES:
            yield join(pieces[start:index]), index - start
            start, size = index, 0
        size += len(piece) + 1
    if start < len(pieces):
        yield join(pieces[start:]), len(pieces) - start
