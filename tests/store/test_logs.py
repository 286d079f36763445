"""Log streams: append, page, filter, survive a crash."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.store import log_file
from modelyard.store.errors import BadPageToken, NotFound
from modelyard.store.logs import LogStreams

GROUP = "/aws/sagemaker/TrainingJobs"
WHERE = ("123456789012", "us-east-1", GROUP)


@pytest.fixture
def logs(tmp_path: Path) -> LogStreams:
    return LogStreams(tmp_path)


def write(logs: LogStreams, stream: str, *messages: str) -> None:
    with logs.writer(*WHERE, stream) as writer:
        for message in messages:
            writer.write(message)


def file_of(logs: LogStreams, stream: str) -> Path:
    """Write nothing, and return the one file that exists."""
    logs.writer(*WHERE, stream).close()
    [path] = logs._root.rglob("*.log")
    return path


def stamped(logs: LogStreams, stream: str, *lines: tuple[int, str]) -> None:
    file_of(logs, stream).write_bytes(b"".join(log_file.encode(*line) for line in lines))


def test_what_was_written_is_read_in_the_same_order(logs: LogStreams) -> None:
    write(logs, "job/algo-1", "first", "second: ümläut 🙂", "", "fourth\nfifth")
    page = logs.events(*WHERE, "job/algo-1", from_head=True)
    messages = [event.message for event in page.events]
    assert messages == ["first", "second: ümläut 🙂", "", "fourth", "fifth"]


def test_a_drained_stream_gives_an_empty_page_and_the_same_token_until_more_comes(
    logs: LogStreams,
) -> None:
    write(logs, "s", "one", "two")
    token = logs.events(*WHERE, "s", from_head=True).forward_token
    drained = logs.events(*WHERE, "s", token=token)
    assert (list(drained.events), drained.forward_token) == ([], token)
    write(logs, "s", "three")
    assert [event.message for event in logs.events(*WHERE, "s", token=token).events] == ["three"]


def test_polling_again_from_the_last_timestamp_gives_the_same_events_in_the_same_order(
    logs: LogStreams,
) -> None:
    stamped(logs, "s", (5, "a"), (7, "b"), (7, "c"))
    first = logs.events(*WHERE, "s", start_time=7, from_head=True)
    write(logs, "s", "d")
    again = logs.events(*WHERE, "s", start_time=7, from_head=True)
    assert [event.message for event in first.events] == ["b", "c"]
    assert [event.message for event in again.events] == ["b", "c", "d"]
    assert [event.timestamp for event in again.events][:2] == [7, 7]


def test_the_page_without_a_token_is_the_last_one_and_backward_tokens_lead_to_the_head(
    logs: LogStreams,
) -> None:
    write(logs, "s", *"abcde")
    last = logs.events(*WHERE, "s", limit=2)
    before = logs.events(*WHERE, "s", limit=2, token=last.backward_token)
    head = logs.events(*WHERE, "s", limit=2, token=before.backward_token)
    nothing = logs.events(*WHERE, "s", limit=2, token=head.backward_token)
    pages = [[event.message for event in page.events] for page in (last, before, head, nothing)]
    assert pages == [["d", "e"], ["b", "c"], ["a"], []]


@given(
    lines=st.lists(st.tuples(st.integers(0, 9), st.text(max_size=30)), max_size=40),
    start=st.none() | st.integers(0, 10),
    end=st.none() | st.integers(0, 10),
    limit=st.integers(1, 7),
)
def test_pages_hold_every_event_between_the_times_once(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[tuple[int, str]],
    start: int | None,
    end: int | None,
    limit: int,
) -> None:
    logs = LogStreams(tmp_path_factory.mktemp("logs"))
    flat = [(at, part) for at, text in sorted(lines) for part in text.split("\n")]
    stamped(logs, "s", *flat)
    expected = [
        (at, text)
        for at, text in flat
        if (start is None or at >= start) and (end is None or at < end)
    ]
    for from_head in (True, False):
        found: list[tuple[int, str]] = []
        token = None
        while True:
            page = logs.events(
                *WHERE,
                "s",
                token=token,
                start_time=start,
                end_time=end,
                limit=limit,
                from_head=from_head,
            )
            if not page.events:
                break
            events = [(event.timestamp, event.message) for event in page.events]
            found = found + events if from_head else events + found
            token = page.forward_token if from_head else page.backward_token
        assert found == [
            (at, text.encode(errors="backslashreplace").decode()) for at, text in expected
        ]


def test_a_page_is_cut_at_a_mebibyte(logs: LogStreams) -> None:
    write(logs, "s", *("x" * 60_000 for _ in range(40)))
    assert len(logs.events(*WHERE, "s", from_head=True).events) == 17
    assert len(logs.events(*WHERE, "s").events) == 17


def test_a_torn_last_line_is_passed_over_and_then_removed(logs: LogStreams) -> None:
    write(logs, "s", "whole")
    path = file_of(logs, "s")
    path.write_bytes(path.read_bytes() + b"17000000000")
    assert [event.message for event in logs.events(*WHERE, "s").events] == ["whole"]
    write(logs, "s", "after the crash")
    messages = [event.message for event in logs.events(*WHERE, "s").events]
    assert messages == ["whole", "after the crash"]


def test_times_never_fall_also_where_the_clock_was_set_back(logs: LogStreams) -> None:
    future = 9_999_999_999_999
    stamped(logs, "s", (future, "from the future"))
    write(logs, "s", "now")
    assert [event.timestamp for event in logs.events(*WHERE, "s").events] == [future, future]


def test_streams_are_listed_by_prefix_with_their_times(logs: LogStreams) -> None:
    write(logs, "job-a/algo-1", "x")
    write(logs, "job-a/algo-2")
    write(logs, "job-b/algo-1", "y")
    found = logs.streams(*WHERE, "job-a/")
    assert [stream.name for stream in found] == ["job-a/algo-1", "job-a/algo-2"]
    assert (found[0].first, found[0].last) == (found[0].last, found[0].first)
    assert found[1].first is None


def test_a_group_or_stream_that_is_not_there_is_not_found(logs: LogStreams) -> None:
    with pytest.raises(NotFound):
        logs.streams(*WHERE)
    write(logs, "s", "x")
    with pytest.raises(NotFound):
        logs.events(*WHERE, "other")
    with pytest.raises(NotFound):
        logs.events("999999999999", "us-east-1", GROUP, "s")


@pytest.mark.parametrize("token", ["", "f/1", "f/99999999999999999999", "../../x"])
def test_a_token_that_no_page_gave_is_refused(logs: LogStreams, token: str) -> None:
    write(logs, "s", "x")
    with pytest.raises(BadPageToken):
        logs.events(*WHERE, "s", token=token)


@pytest.mark.parametrize("name", ["..", ".", "../../escape", "a/../../b", "%2e%2e", "a\\b"])
def test_no_name_leads_out_of_the_root(tmp_path: Path, name: str) -> None:
    root = tmp_path / "logs"
    logs = LogStreams(root)
    with logs.writer(name, name, name, name) as writer:
        writer.write("x")
    [path] = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert path.resolve().is_relative_to(root)
    assert [stream.name for stream in logs.streams(name, name, name)] == [name]


def test_streams_are_merged_oldest_first_and_go_on_from_where_they_were(logs: LogStreams) -> None:
    for stream, lines in {"a": [(1, "a1"), (4, "a4")], "b": [(2, "b2"), (3, "b3")]}.items():
        with logs.writer(*WHERE, stream):
            path = next(logs._root.rglob(f"{stream}.log"))
        path.write_bytes(b"".join(log_file.encode(*line) for line in lines))
    merged = list(logs.filter(*WHERE, ["a", "b"]))
    assert [event.message for event in merged] == ["a1", "b2", "b3", "a4"]
    offsets = {"a": merged[0].end, "b": merged[1].end}
    rest = logs.filter(*WHERE, ["a", "b"], offsets=offsets, end_time=4)
    assert [event.message for event in rest] == ["b3"]
