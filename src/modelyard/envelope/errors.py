"""What may be wrong with an envelope."""

from __future__ import annotations


class EnvelopeError(Exception):
    """The encrypted bytes are damaged, or are not those that were written with this key."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)
