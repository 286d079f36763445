"""What a model is to a batch transform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from modelyard.batch.plan import Strategy


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """What a model's program would rather have, where the job does not say; None: no matter."""

    max_payload_mib: int | None = None
    concurrency: int | None = None
    strategy: Strategy | None = None


class Scorer(Protocol):
    """One model. Safe to use from several threads."""

    preferences: Preferences

    def score(self, body: bytes) -> bytes:
        """Return the model's answer to one payload.

        Raises:
            Refused: it has none.
            ServerLost: nobody is there to answer.
        """

    def close(self) -> None:
        """Let go of the model."""
