"""What an image's model is to those who ask it: endpoints and batch transforms alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a model says to one request."""

    body: bytes
    content_type: str


class Refused(Exception):
    """A request that cannot be answered.

    Args:
        status: of HTTP: 400 for what cannot be read, 406 for an `Accept` and 415 for a
            `Content-Type` that the image does not know.
        message: for the caller: the value, the rule and the remedy.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Scorer(Protocol):
    """One loaded model. Safe to use from several threads."""

    def score(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Return the predictions for one payload of one or more records.

        Args:
            content_type: of the body, as the request gave it; empty where it gave none.
            accept: what the answer is to be; empty or `*/*`: the image's own form.

        Raises:
            Refused: the request cannot be answered.
        """
