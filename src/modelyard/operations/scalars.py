"""Scalars as requests write them, and what each means in Python.

A request comes from JSON, from a form, or in process from a caller with Python's own types, so one
value has several spellings: a timestamp is epoch seconds, ISO 8601 or a datetime, a blob is base64
or bytes, a whole number may have arrived as `5.0`.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

_INTEGER_BITS = {"integer": 32, "long": 64}


class NotOfType(ValueError):
    """The value is not of the shape's type; the message is the rule."""


def parsed(type_name: str, value: object) -> Any:
    """Return `value` as Python's type for the shape type `type_name`.

    Raises:
        NotOfType: it is none; the message says what it must be ("Member must be a string").
    """
    return _PARSERS[type_name](type_name, value)


def _string(_type_name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    raise NotOfType("Member must be a string")


def _boolean(_type_name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise NotOfType("Member must be true or false")


def _whole_number(type_name: str, value: object) -> int:
    bits = _INTEGER_BITS[type_name]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2 ** (bits - 1):
        raise NotOfType(f"Member must be a whole number of at most {bits} bits")
    return value


def _number(_type_name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotOfType("Member must be a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise NotOfType("Member must be a finite number")
    return number


def _timestamp(_type_name: str, value: object) -> datetime:
    rule = "Member must be a time in epoch seconds or ISO 8601, with its zone"
    try:
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value.astimezone(UTC)
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            # The services read a time without a zone as UTC; only a Python caller's is ambiguous.
            return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise NotOfType(rule) from error
    raise NotOfType(rule)


def _blob(_type_name: str, value: object) -> bytes:
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    try:
        if isinstance(value, str):
            return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotOfType("Member must be base64") from error
    raise NotOfType("Member must be base64")


_PARSERS: dict[str, Callable[[str, object], Any]] = {
    "string": _string,
    "character": _string,
    "boolean": _boolean,
    "integer": _whole_number,
    "long": _whole_number,
    "float": _number,
    "double": _number,
    "timestamp": _timestamp,
    "blob": _blob,
}
