"""git's pkt-lines, as far as a push needs them: what it asks for, and a place for a message.

Format: https://git-scm.com/docs/gitprotocol-common and gitprotocol-pack. Four hexadecimal digits
are the length of a line, themselves included; `0000` ends a list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

FLUSH = b"0000"
_MAX_LINE = 65_520
_SIDE_BAND_TEXT = 900  # bytes of a message in one line; older clients take 999
_COMMAND = re.compile(rb"([0-9a-f]{40}) ([0-9a-f]{40}) (refs/[^\0\n ]+)(?:\0([^\n]*))?\n?")


class NotPktLines(Exception):
    """The bytes are no pkt-lines, or no commands of a push."""


@dataclass(frozen=True, kw_only=True)
class Commands:
    """What a push asks for."""

    new_by_reference: dict[str, str]  # commit by reference; 40 zeros delete one
    capabilities: frozenset[str]

    @property
    def takes_messages(self) -> bool:
        """Whether the client shows what the server has to say."""
        return "side-band-64k" in self.capabilities


def commands_in(head: bytes) -> Commands | None:
    """Return the commands that a push begins with, or None where more bytes are needed.

    Raises:
        NotPktLines: it does not begin so.
    """
    found: dict[str, str] = {}
    capabilities: frozenset[str] = frozenset()
    at = 0
    while True:
        line = _line_at(head, at)
        if line is None:
            return None
        at, content = line
        if content is None:
            return Commands(new_by_reference=found, capabilities=capabilities)
        if content.startswith(b"shallow "):
            continue
        match = _COMMAND.fullmatch(content)
        if match is None:
            raise NotPktLines("a push begins with commands: old and new commit, and a reference")
        if match[4] is not None:
            capabilities = frozenset(match[4].decode(errors="replace").split())
        found[match[3].decode(errors="replace")] = match[2].decode()


def with_message(answer: bytes, lines: Sequence[str]) -> bytes:
    """Return a push's answer with a message for people ahead of its end.

    An answer that is not made of lines on side bands comes back as it is.
    """
    at = len(answer) - len(FLUSH)
    if not lines or not answer.endswith(FLUSH) or not _is_side_banded(answer):
        return answer
    return answer[:at] + b"".join(_messages(lines)) + FLUSH


def _messages(lines: Sequence[str]) -> Iterator[bytes]:
    for line in lines:
        # What is no printable letter could steer a terminal.
        text = "".join(letter if letter.isprintable() else " " for letter in line)
        data = text.encode(errors="replace")
        pieces = [
            data[start : start + _SIDE_BAND_TEXT] for start in range(0, len(data), _SIDE_BAND_TEXT)
        ] or [b""]
        for piece in pieces:
            content = b"\x02" + piece + b"\n"
            yield f"{len(content) + 4:04x}".encode() + content


def _is_side_banded(answer: bytes) -> bool:
    at = 0
    while at < len(answer):
        try:
            line = _line_at(answer, at)
        except NotPktLines:
            return False
        if line is None:
            return False
        at, content = line
        if content is None:
            return at == len(answer)
        if content[:1] not in (b"\x01", b"\x02", b"\x03"):
            return False
    return False


def _line_at(data: bytes, at: int) -> tuple[int, bytes | None] | None:
    """Return where the next line begins and what this one holds; None is the end of the list.

    None in place of both: it is not there yet.
    """
    head = data[at : at + 4]
    if len(head) < 4:
        return None
    try:
        size = int(head, 16)
    except ValueError as error:
        raise NotPktLines(f"{head!r} is no line's length") from error
    if size == 0:
        return at + 4, None
    if not 4 < size <= _MAX_LINE:
        raise NotPktLines(f"a line of {size} bytes is none")
    if len(data) < at + size:
        return None
    return at + size, data[at + 4 : at + size]
