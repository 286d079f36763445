"""The two kinds of failure: what the job's owner can put right, and the rest."""

from __future__ import annotations

from collections.abc import Sequence


class ClientError(Exception):
    """What the job's owner can put right: the configuration, the data, the model's answers."""

    @classmethod
    def of(cls, problems: Sequence[str]) -> ClientError:
        """Return one error that tells of all the problems."""
        return cls("; ".join(problems))


class NoDataError(ClientError):
    """There is nothing to analyse, and nobody did anything wrong."""
