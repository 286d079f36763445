"""Log streams: what programs say, line by line, in files that are only ever appended to.

One stream is one file, `<root>/<account>/<region>/<group>/<stream>.log`, names quoted so that none
can leave its folder. A page is a range of bytes and a token is an offset, which stays right while
the file grows.
"""

from __future__ import annotations

import heapq
import os
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self
from urllib.parse import quote, unquote

from modelyard.store import log_file
from modelyard.store.errors import BadPageToken, NotFound
from modelyard.store.log_file import MAX_PAGE_EVENTS, LogEvent

_SUFFIX = ".log"
_TOKEN = re.compile(r"([fb])/([0-9]{20})")


@dataclass(frozen=True, kw_only=True)
class LogStream:
    """What is known of one stream; times are milliseconds since the epoch, None while empty."""

    name: str
    first: int | None
    last: int | None
    modified: int
    size: int  # bytes


@dataclass(frozen=True, kw_only=True)
class EventPage:
    """Events in the order in which they were written, and where to go on from either end."""

    events: Sequence[LogEvent]
    forward_token: str
    backward_token: str


class LogWriter:
    """Appends to one stream; a context manager. Safe to use from any thread.

    Every message reaches the operating system at once, so a crash of the server loses none. A line
    that an earlier crash tore is removed.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        with path.open("rb+") as file:
            end = log_file.whole_lines_end(file)
            file.truncate(end)
            last = log_file.last_event(file, "", end)
        self._lock = threading.Lock()
        self._last = 0 if last is None else last.timestamp

    def write(self, message: str) -> None:
        """Append a message. Times never fall, also where the machine's clock was set back."""
        with self._lock:
            self._last = max(self._last, time.time_ns() // 1_000_000)
            self._file.write(log_file.encode(self._last, message))

    def close(self) -> None:
        """Make all of it durable, and let go of the file."""
        if not self._file.closed:
            os.fsync(self._file.fileno())
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class LogStreams:
    """All log streams of a server. Safe to use from any thread; one writer per stream at a time.

    Args:
        root: `<home>/logs`.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def writer(self, account: str, region: str, group: str, stream: str) -> LogWriter:
        """Open a stream for appending; it is made if it is not there.

        Raises:
            ValueError: a name is empty, or too long for a file's.
        """
        return LogWriter(self._path(account, region, group, stream))

    def streams(self, account: str, region: str, group: str, prefix: str = "") -> list[LogStream]:
        """Return the streams whose name begins with `prefix`, by name.

        Raises:
            NotFound: there is no such group.
        """
        try:
            paths = list(self._folder(account, region, group).iterdir())
        except (OSError, ValueError) as error:
            raise NotFound(f"there is no log group {group!r}") from error
        names = sorted(unquote(path.name.removesuffix(_SUFFIX)) for path in paths)
        return [
            self._describe(account, region, group, name)
            for name in names
            if name.startswith(prefix)
        ]

    def events(
        self,
        account: str,
        region: str,
        group: str,
        stream: str,
        *,
        token: str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        limit: int = MAX_PAGE_EVENTS,
        from_head: bool = False,
    ) -> EventPage:
        """Return one page of a stream.

        Without a token it is the first page (`from_head`) or the last. A page's forward token
        leads to what comes after it, its backward token to what came before. At the end of the
        stream the page is empty and its forward token is the one that was given: ask again later.

        Args:
            start_time: milliseconds; earlier events are left out.
            end_time: milliseconds; events of this moment and later are left out.

        Raises:
            NotFound: there is no such stream.
            BadPageToken: the token is not one of a page's.
        """
        limit = min(limit, MAX_PAGE_EVENTS)
        with self._open(account, region, group, stream) as file:
            end = log_file.whole_lines_end(file)
            low = 0 if start_time is None else log_file.first_at(file, start_time, end)
            high = end if end_time is None else log_file.first_at(file, end_time, end)
            if token is not None:
                backward, offset = _parse(token, end)
            else:
                backward, offset = not from_head, low if from_head else high
            if backward:
                high = min(offset, high)
                offset = log_file.start_of_last(file, high, limit)
            begin = max(offset, low)
            events = log_file.page(file, stream, begin, high, limit)
        first, after = (events[0].offset, events[-1].end) if events else (begin, begin)
        return EventPage(
            events=events, forward_token=f"f/{after:020}", backward_token=f"b/{first:020}"
        )

    def filter(
        self,
        account: str,
        region: str,
        group: str,
        streams: Sequence[str],
        *,
        offsets: Mapping[str, int] | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
    ) -> Iterator[LogEvent]:
        """Yield the events of several streams, oldest first.

        Args:
            offsets: stream -> where to begin in it, of those that an earlier call has begun.

        Raises:
            NotFound: there is no such stream.
        """
        sources = [
            self._follow(account, region, group, name, (offsets or {}).get(name, 0), start_time)
            for name in streams
        ]
        for event in heapq.merge(*sources, key=lambda event: (event.timestamp, event.stream)):
            if end_time is not None and event.timestamp >= end_time:
                return
            yield event

    def _follow(
        self,
        account: str,
        region: str,
        group: str,
        stream: str,
        offset: int,
        start_time: int | None,
    ) -> Iterator[LogEvent]:
        with self._open(account, region, group, stream) as file:
            end = log_file.whole_lines_end(file)
            low = 0 if start_time is None else log_file.first_at(file, start_time, end)
            yield from log_file.events_between(file, stream, max(offset, low), end)

    def _describe(self, account: str, region: str, group: str, stream: str) -> LogStream:
        with self._open(account, region, group, stream) as file:
            end = log_file.whole_lines_end(file)
            first = next(log_file.events_between(file, stream, 0, end), None)
            last = log_file.last_event(file, stream, end)
            modified = os.fstat(file.fileno()).st_mtime_ns // 1_000_000
        return LogStream(
            name=stream,
            first=None if first is None else first.timestamp,
            last=None if last is None else last.timestamp,
            modified=modified,
            size=end,
        )

    def _open(self, account: str, region: str, group: str, stream: str) -> BinaryIO:
        try:
            return self._path(account, region, group, stream).open("rb")
        except (OSError, ValueError) as error:
            raise NotFound(f"there is no log stream {stream!r} in {group!r}") from error

    def _path(self, account: str, region: str, group: str, stream: str) -> Path:
        return self._folder(account, region, group) / (_quoted(stream) + _SUFFIX)

    def _folder(self, account: str, region: str, group: str) -> Path:
        return self._root / _quoted(account) / _quoted(region) / _quoted(group)


def _quoted(name: str) -> str:
    # quote() leaves dots alone, and `..` is the one name that must not get through.
    quoted = quote(name, safe="").replace(".", "%2E")
    if not 0 < len(quoted) <= 250:
        raise ValueError(f"{name[:40]!r} cannot name a log: quoted it has {len(quoted)} bytes")
    return quoted


def _parse(token: str, end: int) -> tuple[bool, int]:
    match = _TOKEN.fullmatch(token)
    if match is None or int(match[2]) > end:
        raise BadPageToken(
            "The specified nextToken is not one that this log stream gave: leave it out"
        )
    return match[1] == "b", int(match[2])
