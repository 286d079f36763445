"""What can go wrong with an input; each message is for the job's owner."""

from __future__ import annotations


class BatchError(Exception):
    """The job cannot do its work as it was asked to."""


class InputError(BatchError):
    """An input file is not what the job says.

    Args:
        message: what is wrong.
        record: which record it is, counted from 1; None: it is the whole file.
    """

    def __init__(self, message: str, *, record: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.record = record


class RecordTooLong(InputError):
    """A record does not fit into one request.

    Args:
        size: in bytes.
        limit: in bytes, what MaxPayloadInMB allows.
    """

    def __init__(self, *, record: int | None, size: int, limit: int, remedy: str = "") -> None:
        super().__init__(
            f"it has {size:,} bytes, more than the {limit:,} of MaxPayloadInMB: "
            f"raise MaxPayloadInMB (to at most 100){remedy}",
            record=record,
        )


class Refused(BatchError):
    """The model cannot answer a request.

    Args:
        status: of HTTP; 4xx means that the request is at fault.
        message: the model's own.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class ServerLost(BatchError):
    """The model's program ended, or does not answer."""
