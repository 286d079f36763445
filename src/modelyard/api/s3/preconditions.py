"""If-Match and its relatives, and Range.

https://www.rfc-editor.org/rfc/rfc9110#section-13.2.2 has the order in which they are asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from modelyard.api.s3.errors import S3Error, not_offered
from modelyard.store.recorded_objects import StoredObject

_RANGE = re.compile(r"bytes=([0-9]{0,16})-([0-9]{0,16})")
_COPY_RANGE = re.compile(r"bytes=([0-9]{1,16})-([0-9]{1,16})")


def check_read(headers: Mapping[str, str], stored: StoredObject) -> None:
    """Return if an object is to be sent.

    Raises:
        S3Error: PreconditionFailed, or NotModified.
    """
    _check_match(headers, "if-match", "if-unmodified-since", stored)
    if _is_unchanged(headers, "if-none-match", "if-modified-since", stored):
        raise S3Error("NotModified", headers={"etag": f'"{stored.etag}"'})


def check_copy_source(headers: Mapping[str, str], stored: StoredObject) -> None:
    """Return if an object is to be copied.

    Raises:
        S3Error: PreconditionFailed.
    """
    head = "x-amz-copy-source-"
    _check_match(headers, f"{head}if-match", f"{head}if-unmodified-since", stored)
    if _is_unchanged(headers, f"{head}if-none-match", f"{head}if-modified-since", stored):
        raise S3Error(
            "PreconditionFailed", details={"Condition": "x-amz-copy-source-If-None-Match"}
        )


def write_condition(
    headers: Mapping[str, str],
) -> Callable[[StoredObject | None], None] | None:
    """Return what must hold of the object that is there when it is replaced or deleted.

    Raises:
        S3Error: NotImplemented.
    """
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    if none_match is not None and none_match.strip() != "*":
        raise not_offered("An If-None-Match other than '*' for what is to be stored")
    if match is None and none_match is None:
        return None

    def check(stored: StoredObject | None) -> None:
        if none_match is not None and stored is not None:
            raise S3Error("PreconditionFailed", details={"Condition": "If-None-Match"})
        if match is not None and stored is None:
            raise S3Error("NoSuchKey")
        if match is not None and stored is not None and not _names(match, stored):
            raise S3Error("PreconditionFailed", details={"Condition": "If-Match"})

    return check


def range_of(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the first and the one behind the last byte that are asked for; None means all.

    Several ranges at once, and what is no range of bytes, mean all, as to Amazon's S3.

    Raises:
        S3Error: InvalidRange.
    """
    match = _RANGE.fullmatch((header or "").strip().replace(" ", ""))
    if match is None or not (match[1] or match[2]):
        return None
    if match[1]:
        start, end = int(match[1]), min(int(match[2] or size) + 1, size)
        if match[2] and int(match[2]) < start:
            return None
    else:
        start, end = max(size - int(match[2]), 0), size
    if start >= size or (not match[1] and int(match[2]) == 0):
        raise S3Error(
            "InvalidRange",
            details={"RangeRequested": header or "", "ActualObjectSize": str(size)},
            headers={"content-range": f"bytes */{size}"},
        )
    return start, end


def copy_range_of(header: str | None, size: int) -> tuple[int, int]:
    """Return the first and the one behind the last byte of a source that are to be copied.

    Raises:
        S3Error: InvalidArgument, InvalidRange.
    """
    if header is None:
        return 0, size
    match = _COPY_RANGE.fullmatch(header)
    if match is None or int(match[2]) < int(match[1]):
        raise S3Error(
            "InvalidArgument",
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first"
            " and last are the zero-based offsets of the first and last bytes to copy",
        )
    if int(match[2]) >= size:
        raise S3Error("InvalidRange", details={"ActualObjectSize": str(size)})
    return int(match[1]), int(match[2]) + 1


def _check_match(
    headers: Mapping[str, str], match: str, unmodified: str, stored: StoredObject
) -> None:
    wanted = headers.get(match)
    if wanted is not None:
        if not _names(wanted, stored):
            raise S3Error("PreconditionFailed", details={"Condition": "If-Match"})
        return
    moment = _moment(headers.get(unmodified))
    if moment is not None and _modified(stored) > moment:
        raise S3Error("PreconditionFailed", details={"Condition": "If-Unmodified-Since"})


def _is_unchanged(
    headers: Mapping[str, str], none_match: str, modified: str, stored: StoredObject
) -> bool:
    unwanted = headers.get(none_match)
    if unwanted is not None:
        return _names(unwanted, stored)
    moment = _moment(headers.get(modified))
    return moment is not None and _modified(stored) <= moment


def _names(header: str, stored: StoredObject) -> bool:
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")}
    return "*" in tags or stored.etag in tags


def _modified(stored: StoredObject) -> datetime:
    return stored.info.modified.replace(microsecond=0)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
