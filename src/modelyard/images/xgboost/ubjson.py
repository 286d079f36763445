"""Tells whether UBJSON is whole.

XGBoost reads past the end of a truncated model and dies of it (SIGSEGV, or SIGABRT for an empty
one) rather than raising an error, so nothing is given to it that has not been walked through.

Format: https://ubjson.org, with the optimised containers (`$type#count`) that XGBoost writes.
"""

from __future__ import annotations

import struct

_FIXED = {b"Z": 0, b"T": 0, b"F": 0, b"N": 0, b"C": 1, b"i": 1, b"U": 1, b"I": 2, b"l": 4}
_FIXED |= {b"L": 8, b"d": 4, b"D": 8}  # bytes that follow the type's marker
_INTEGERS = {b"i": ">b", b"U": ">B", b"I": ">h", b"l": ">i", b"L": ">q"}
_MAX_DEPTH = 64


def check(document: bytes) -> None:
    """Check that `document` holds one whole UBJSON value.

    Raises:
        ValueError: it ends too early, or is not UBJSON.
    """
    _Walker(document).value(0)


class _Walker:
    def __init__(self, document: bytes) -> None:
        self._document = document
        self._at = 0

    def value(self, depth: int) -> None:
        self._body(self._take(1), depth)

    def _body(self, marker: bytes, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise ValueError(f"nested deeper than {_MAX_DEPTH}")
        if marker in _FIXED:
            self._skip(_FIXED[marker])
        elif marker in (b"S", b"H"):
            self._skip(self._integer())
        elif marker in (b"[", b"{"):
            self._container(marker == b"{", depth)
        else:
            raise ValueError(f"unknown marker {marker!r} at byte {self._at - 1}")

    def _container(self, keyed: bool, depth: int) -> None:
        element = self._optional(b"$")
        kind = self._take(1) if element else None
        count = self._integer() if self._optional(b"#") else None
        if element and count is None:
            raise ValueError(f"a typed container without a count at byte {self._at}")
        if kind in _FIXED and count is not None and not keyed:
            self._skip(count * _FIXED[kind])  # at once: these are the large ones
            return
        end = b"}" if keyed else b"]"
        while count is None or count > 0:
            if count is None and self._optional(end):
                return
            if keyed:
                self._skip(self._integer())
            self._body(kind or self._take(1), depth + 1)
            count = None if count is None else count - 1

    def _integer(self) -> int:
        marker = self._take(1)
        if marker not in _INTEGERS:
            raise ValueError(f"{marker!r} is not an integer's marker, at byte {self._at - 1}")
        value: int = struct.unpack(_INTEGERS[marker], self._take(_FIXED[marker]))[0]
        if value < 0:
            raise ValueError(f"a negative length at byte {self._at}")
        return value

    def _optional(self, marker: bytes) -> bool:
        if self._document[self._at : self._at + 1] != marker:
            return False
        self._at += 1
        return True

    def _take(self, length: int) -> bytes:
        start = self._at
        self._skip(length)
        return self._document[start : self._at]

    def _skip(self, length: int) -> None:
        if self._at + length > len(self._document):
            raise ValueError(f"ends at byte {len(self._document)}, in the middle of a value")
        self._at += length
