"""DescribeLogStreams, GetLogEvents, FilterLogEvents: the part of CloudWatch Logs that reads."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Sequence

from modelyard.arns import Arn
from modelyard.operations.context import Context
from modelyard.operations.errors import LogsResourceNotFound, ValidationError
from modelyard.operations.table import Request, Response, operation
from modelyard.store.errors import BadPageToken, NotFound
from modelyard.store.log_file import MAX_PAGE_EVENTS, LogEvent
from modelyard.store.logs import LogStream, LogStreams

_MAX_STREAMS = 50  # per page, as AWS has it


class LogOperations:
    """Log streams of the caller's account and region."""

    def __init__(self, logs: LogStreams) -> None:
        self._logs = logs

    @operation("logs", "DescribeLogStreams")
    def describe_log_streams(self, context: Context, request: Request) -> Response:
        group = _group(request)
        streams = self._streams(context, group, request.get("logStreamNamePrefix", ""))
        if request.get("orderBy") == "LastEventTime":
            streams = sorted(streams, key=lambda stream: (stream.last or 0, stream.name))
        if request.get("descending"):
            streams = list(reversed(streams))
        first = _offset(request.get("nextToken"), len(streams))
        last = first + request.get("limit", _MAX_STREAMS)
        return {
            "logStreams": [_described(context, group, item) for item in streams[first:last]],
            "nextToken": str(last) if last < len(streams) else None,
        }

    @operation("logs", "GetLogEvents")
    def get_log_events(self, context: Context, request: Request) -> Response:
        try:
            page = self._logs.events(
                context.account,
                context.region,
                _group(request),
                request["logStreamName"],
                token=request.get("nextToken"),
                start_time=request.get("startTime"),
                end_time=request.get("endTime"),
                limit=request.get("limit", MAX_PAGE_EVENTS),
                from_head=request.get("startFromHead", False),
            )
        except NotFound as error:
            raise LogsResourceNotFound("The specified log stream does not exist.") from error
        except BadPageToken as error:
            raise ValidationError(str(error)) from error
        return {
            "events": [
                {
                    "timestamp": event.timestamp,
                    "message": event.message,
                    "ingestionTime": event.timestamp,
                }
                for event in page.events
            ],
            "nextForwardToken": page.forward_token,
            "nextBackwardToken": page.backward_token,
        }

    @operation("logs", "FilterLogEvents")
    def filter_log_events(self, context: Context, request: Request) -> Response:
        if request.get("filterPattern"):
            raise ValidationError("filterPattern is not offered: leave it out, and filter yourself")
        group = _group(request)
        names = request.get("logStreamNames") or [
            stream.name
            for stream in self._streams(context, group, request.get("logStreamNamePrefix", ""))
        ]
        offsets = _offsets(request.get("nextToken"))
        limit = min(request.get("limit", MAX_PAGE_EVENTS), MAX_PAGE_EVENTS)
        try:
            found = self._logs.filter(
                context.account,
                context.region,
                group,
                names,
                offsets=offsets,
                start_time=request.get("startTime"),
                end_time=request.get("endTime"),
            )
            # One more than asked for tells whether there is a next page.
            events = list(itertools.islice(found, limit + 1))
        except NotFound as error:
            raise LogsResourceNotFound("The specified log stream does not exist.") from error
        token = None
        if len(events) > limit:
            events = events[:limit]
            token = _token({**offsets, **{event.stream: event.end for event in events}})
        return {
            "events": [_filtered(event) for event in events],
            "searchedLogStreams": [],
            "nextToken": token,
        }

    def _streams(self, context: Context, group: str, prefix: str) -> Sequence[LogStream]:
        try:
            return self._logs.streams(context.account, context.region, group, prefix)
        except NotFound as error:
            raise LogsResourceNotFound("The specified log group does not exist.") from error


def _group(request: Request) -> str:
    if "logGroupName" in request:
        return str(request["logGroupName"])
    if "logGroupIdentifier" in request:
        return str(request["logGroupIdentifier"]).rpartition(":log-group:")[2].rstrip(":*")
    raise ValidationError("logGroupName is missing: name the log group")


def _described(context: Context, group: str, stream: LogStream) -> Response:
    resource = f"log-group:{group}:log-stream:{stream.name}"
    arn = Arn(service="logs", region=context.region, account=context.account, resource=resource)
    described: Response = {
        "logStreamName": stream.name,
        "arn": str(arn),
        "creationTime": stream.first if stream.first is not None else stream.modified,
        "storedBytes": stream.size,
        "uploadSequenceToken": "0",
    }
    if stream.first is not None:
        described["firstEventTimestamp"] = stream.first
        described["lastEventTimestamp"] = stream.last
        described["lastIngestionTime"] = stream.modified
    return described


def _filtered(event: LogEvent) -> Response:
    return {
        "logStreamName": event.stream,
        "timestamp": event.timestamp,
        "message": event.message,
        "ingestionTime": event.timestamp,
        "eventId": f"{event.timestamp:020}{event.offset:020}",
    }


def _offset(token: str | None, count: int) -> int:
    if token is None:
        return 0
    if not token.isdecimal() or int(token) > count:
        raise ValidationError("nextToken is not one that this listing gave: leave it out")
    return int(token)


def _token(offsets: dict[str, int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(offsets).encode()).decode()


def _offsets(token: str | None) -> dict[str, int]:
    if token is None:
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(token.encode()))
    except ValueError as error:
        raise ValidationError(
            "nextToken is not one that this listing gave: leave it out"
        ) from error
    if not isinstance(found, dict) or not all(isinstance(value, int) for value in found.values()):
        raise ValidationError("nextToken is not one that this listing gave: leave it out")
    return found
