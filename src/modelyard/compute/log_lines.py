"""From bytes to log lines, in bounded memory whatever a program writes."""

from __future__ import annotations

from collections.abc import Iterator

MAX_LINE_BYTES = 64 * 1024


class LineDecoder:
    """Cuts a stream of bytes into lines; a line that is too long comes in pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[str]:
        """Yield the lines that `data` completes."""
        *whole, rest = (self._rest + data).split(b"\n")
        for line in whole:
            yield from _pieces(line)
        while len(rest) > MAX_LINE_BYTES:
            cut = _cut(rest)
            yield _decoded(rest[:cut])
            rest = rest[cut:]
        self._rest = rest

    def flush(self) -> Iterator[str]:
        """Yield the last line, if it had no newline."""
        if self._rest:
            yield _decoded(self._rest)
        self._rest = b""


def _pieces(line: bytes) -> Iterator[str]:
    while len(line) > MAX_LINE_BYTES:
        cut = _cut(line)
        yield _decoded(line[:cut])
        line = line[cut:]
    yield _decoded(line)


def _cut(line: bytes) -> int:
    """Return where to cut a long line: not in the middle of a character."""
    cut = MAX_LINE_BYTES
    while cut > MAX_LINE_BYTES - 4 and line[cut] & 0xC0 == 0x80:
        cut -= 1
    return cut


def _decoded(line: bytes) -> str:
    return line.removesuffix(b"\r").decode(errors="replace")
