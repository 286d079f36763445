"""Texts with `*` for any characters, matched in time linear in the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Wildcard:
    """A text in pieces: what stands between its asterisks, one piece more than there are."""

    pieces: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        r"""Return the pieces of `text`; `\*` is an asterisk, `\\` a backslash.

        Raises:
            ValueError: two asterisks in a row, or a backslash ahead of anything else.
        """
        pieces, piece, index = [], "", 0
        while index < len(text):
            character = text[index]
            if character == "\\":
                index += 1
                if index == len(text) or text[index] not in "*\\":
                    raise ValueError(r"a backslash stands only ahead of * or another backslash")
                piece += text[index]
            elif character == "*":
                if text[index + 1 : index + 2] == "*":
                    raise ValueError("two * in a row are not allowed: write one")
                pieces.append(piece)
                piece = ""
            else:
                piece += character
            index += 1
        return cls(pieces=(*pieces, piece))

    def matches(self, text: str) -> bool:
        """Tell whether the whole of `text` fits."""
        if len(self.pieces) == 1:
            return text == self.pieces[0]
        first, *between, last = self.pieces
        if len(text) < len(first) + len(last):
            return False
        if not text.startswith(first) or not text.endswith(last):
            return False
        # The earliest place for each piece leaves the most room for those behind it.
        position, end = len(first), len(text) - len(last)
        for piece in between:
            found = text.find(piece, position, end)
            if found < 0:
                return False
            position = found + len(piece)
        return True
