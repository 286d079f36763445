"""Logs, read as CloudWatch Logs clients read them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from modelyard.logs.operations import InvalidParameter, LogOperations
from modelyard.logs.patterns import matcher
from modelyard.operations.context import Context, Principal
from modelyard.operations.errors import LogsResourceNotFound
from modelyard.store import log_file
from modelyard.store.logs import LogStreams

ACCOUNT = "123456789012"
GROUP = "/aws/sagemaker/TrainingJobs"
CONTEXT = Context(
    account=ACCOUNT,
    region="us-east-1",
    principal=Principal(account=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:root", user_id="x"),
    request_id="r",
    source="in-process",
)


@pytest.fixture
def logs(tmp_path: Path) -> LogStreams:
    return LogStreams(tmp_path)


@pytest.fixture
def operations(logs: LogStreams) -> LogOperations:
    return LogOperations(logs)


def write(logs: LogStreams, stream: str, *lines: tuple[int, str]) -> None:
    """Replace a stream by these lines, of these times."""
    with logs.writer(ACCOUNT, "us-east-1", GROUP, stream) as writer:
        path = Path(writer._file.name)
    path.write_bytes(b"".join(log_file.encode(*line) for line in lines))


def test_the_sdks_way_of_following_a_job_sees_every_line_once(
    logs: LogStreams, operations: LogOperations
) -> None:
    """As `fit(logs=True)` does: page until a page is empty, come back with the last timestamp."""
    lines = [(1000 + number // 3, f"line {number}") for number in range(10)]
    seen: list[str] = []
    start, skip = 0, 0
    for written in (0, 4, 4, 5, 10, 10):
        write(logs, "job/algo-1-1", *lines[:written])
        described = operations.describe_log_streams(
            CONTEXT, {"logGroupName": GROUP, "logStreamNamePrefix": "job/", "limit": 1}
        )
        [stream] = described["logStreams"]
        token: dict[str, Any] = {}
        to_skip = skip
        while True:
            page = operations.get_log_events(
                CONTEXT,
                {
                    "logGroupName": GROUP,
                    "logStreamName": stream["logStreamName"],
                    "startTime": start,
                    "startFromHead": True,
                    "limit": 2,
                    **token,
                },
            )
            if not page["events"]:
                break
            for event in page["events"]:
                if to_skip > 0:
                    to_skip -= 1
                    continue
                seen.append(event["message"])
                skip = skip + 1 if event["timestamp"] == start else 1
                start = event["timestamp"]
            token = {"nextToken": page["nextForwardToken"]}
    assert seen == [text for _, text in lines]


def test_before_there_is_anything_the_group_does_not_exist(operations: LogOperations) -> None:
    with pytest.raises(LogsResourceNotFound, match="log group does not exist"):
        operations.describe_log_streams(CONTEXT, {"logGroupName": GROUP})
    for call in (operations.get_log_events, operations.filter_log_events):
        with pytest.raises(LogsResourceNotFound):
            call(
                CONTEXT,
                {"logGroupName": GROUP, "logStreamName": "s", "logStreamNames": ["s"]},
            )


def test_streams_are_listed_in_pages_by_name_or_by_time(
    logs: LogStreams, operations: LogOperations
) -> None:
    write(logs, "a", (3, "x"))
    write(logs, "b", (1, "x"), (2, "y"))
    write(logs, "c")
    first = operations.describe_log_streams(CONTEXT, {"logGroupName": GROUP, "limit": 2})
    rest = operations.describe_log_streams(
        CONTEXT, {"logGroupName": GROUP, "limit": 2, "nextToken": first["nextToken"]}
    )
    names = [s["logStreamName"] for s in first["logStreams"] + rest["logStreams"]]
    assert (names, "nextToken" in rest) == (["a", "b", "c"], False)
    by_time = {"logGroupName": GROUP, "orderBy": "LastEventTime", "descending": True}
    latest = operations.describe_log_streams(CONTEXT, by_time)["logStreams"]
    assert [s["logStreamName"] for s in latest] == ["a", "b", "c"]
    assert (latest[1]["firstEventTimestamp"], latest[1]["lastEventTimestamp"]) == (1, 2)
    assert latest[0]["arn"].endswith(f":log-group:{GROUP}:log-stream:a")


def test_a_group_may_be_named_by_its_arn_but_not_by_anothers(
    logs: LogStreams, operations: LogOperations
) -> None:
    write(logs, "a", (1, "x"))
    arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{GROUP}:*"
    assert operations.describe_log_streams(CONTEXT, {"logGroupIdentifier": arn})["logStreams"]
    for context, identifier in (
        (CONTEXT, arn.replace(ACCOUNT, "999999999999")),
        (dataclasses.replace(CONTEXT, account="999999999999"), arn),
        (dataclasses.replace(CONTEXT, account="999999999999"), GROUP),
    ):
        with pytest.raises(LogsResourceNotFound):
            operations.describe_log_streams(context, {"logGroupIdentifier": identifier})


def test_events_of_several_streams_come_oldest_first_in_pages(
    logs: LogStreams, operations: LogOperations
) -> None:
    write(logs, "a", (1, "a1"), (4, "a4 ERROR"))
    write(logs, "b", (2, "b2 ERROR"), (3, "b3"))
    request: dict[str, Any] = {"logGroupName": GROUP, "limit": 3}
    first = operations.filter_log_events(CONTEXT, request)
    rest = operations.filter_log_events(CONTEXT, {**request, "nextToken": first["nextToken"]})
    found = first["events"] + rest["events"]
    assert [event["message"] for event in found] == ["a1", "b2 ERROR", "b3", "a4 ERROR"]
    assert len({event["eventId"] for event in found}) == 4
    assert "nextToken" not in rest
    errors = operations.filter_log_events(
        CONTEXT, {"logGroupName": GROUP, "filterPattern": "ERROR", "startTime": 3}
    )
    assert [event["message"] for event in errors["events"]] == ["a4 ERROR"]


@pytest.mark.parametrize("token", ["x", "bnVsbA==", "eyJwb3NpdGlvbiI6IC0xfQ==", "e30="])
def test_a_token_that_was_not_given_is_refused(
    logs: LogStreams, operations: LogOperations, token: str
) -> None:
    write(logs, "a", (1, "x"))
    for call in (
        operations.describe_log_streams,
        operations.filter_log_events,
        operations.get_log_events,
    ):
        with pytest.raises(InvalidParameter):
            call(CONTEXT, {"logGroupName": GROUP, "logStreamName": "a", "nextToken": token})


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("", "anything", None),
        ("ERROR", "an ERROR", "an error"),
        ("disk full", "full is the disk", "disk"),
        ('"disk full"', "the disk full", "full disk"),
        ('"say \\"hi\\""', 'say "hi"', "say hi"),
        ("?a ?b", "xb", "xc"),
        ("ERROR -debug", "ERROR", "ERROR debug"),
    ],
)
def test_patterns_are_words(pattern: str, matching: str, other: str | None) -> None:
    matches = matcher(pattern)
    assert matches(matching)
    assert other is None or not matches(other)


@pytest.mark.parametrize("pattern", ["{ $.level = 1 }", "[a, b]", "%x%"])
def test_patterns_of_other_kinds_are_refused(
    logs: LogStreams, operations: LogOperations, pattern: str
) -> None:
    write(logs, "a", (1, "x"))
    with pytest.raises(InvalidParameter, match="is not offered"):
        operations.filter_log_events(CONTEXT, {"logGroupName": GROUP, "filterPattern": pattern})
