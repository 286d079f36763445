"""How an analysis can end without a result."""

from __future__ import annotations

from collections.abc import Sequence


class ClientError(Exception):
    """What the job's owner can put right: settings, data, scripts, the model's answers."""

    @classmethod
    def of(cls, problems: Sequence[str]) -> ClientError:
        """Return one error that tells of all the problems."""
        return cls("; ".join(problems))


class NoDataError(ClientError):
    """There was nothing to analyse; the message says where and when."""
