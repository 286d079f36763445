"""The log of the search, read on from where it was read to."""

from __future__ import annotations

from collections.abc import Iterator

from modelyard.autopilot.search_job import LOG_GROUP
from modelyard.store.errors import StoreError
from modelyard.store.logs import LogStreams
from modelyard.store.resources import Resource


class SearchLog:
    """Follows one training job's log, over all of its runs.

    Args:
        name: of the training job.
    """

    def __init__(self, logs: LogStreams, job: Resource, name: str) -> None:
        self._logs = logs
        self._where = (job.scope.account, job.scope.region, LOG_GROUP)
        self._prefix = f"{name}/"
        self._read_to: dict[str, str] = {}  # stream -> token

    def new_lines(self) -> Iterator[str]:
        """Yield what was written since the last call. Blocking."""
        try:
            streams = self._logs.streams(*self._where, prefix=self._prefix)
        except StoreError:
            return  # it has not begun
        for stream in streams:
            yield from self._lines(stream.name)

    def _lines(self, stream: str) -> Iterator[str]:
        while True:
            token = self._read_to.get(stream)
            page = self._logs.events(*self._where, stream, token=token, from_head=True)
            if not page.events:
                return
            yield from (event.message for event in page.events)
            self._read_to[stream] = page.forward_token
