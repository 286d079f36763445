"""What can be asked of logs: which streams there are, and what is in them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence

from modelyard.arns import Arn
from modelyard.logs.patterns import matcher
from modelyard.operations.context import Context
from modelyard.operations.errors import LogsResourceNotFound, OperationError
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import named
from modelyard.store.errors import BadPageToken, NotFound
from modelyard.store.log_file import LogEvent
from modelyard.store.logs import LogStream, LogStreams

DEFAULT_STREAMS = 50
MAX_EVENTS = 10_000
#: How many events one call looks through at most, so that a rare word does not keep it for long.
_MAX_LOOKED_AT = 100_000

_LOG_GROUP = named("log-group", "logGroupName", service="logs", glue=":")


class InvalidParameter(OperationError):
    """A parameter is not one that can be used (the logs service's word for it)."""

    code = "InvalidParameterException"


class LogOperations:
    """DescribeLogStreams, GetLogEvents, FilterLogEvents in the caller's account and region."""

    def __init__(self, logs: LogStreams) -> None:
        self._logs = logs

    @operation("logs", "DescribeLogStreams", on=_LOG_GROUP)
    def describe_log_streams(self, context: Context, request: Request) -> Response:
        group = _group(context, request)
        by_time = request.get("orderBy") == "LastEventTime"
        prefix = request.get("logStreamNamePrefix", "")
        if by_time and prefix:
            raise InvalidParameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
        streams = self._streams(context, group, prefix)
        if by_time:
            streams.sort(key=lambda stream: (stream.last or 0, stream.name))
        if request.get("descending"):
            streams.reverse()
        start = _position(request.get("nextToken"))
        end = start + request.get("limit", DEFAULT_STREAMS)
        response: Response = {
            "logStreams": [_described(context, group, stream) for stream in streams[start:end]]
        }
        if end < len(streams):
            response["nextToken"] = _token({"position": end})
        return response

    @operation("logs", "GetLogEvents", on=_LOG_GROUP)
    def get_log_events(self, context: Context, request: Request) -> Response:
        group = _group(context, request)
        try:
            page = self._logs.events(
                context.account,
                context.region,
                group,
                request["logStreamName"],
                token=request.get("nextToken"),
                start_time=request.get("startTime"),
                end_time=request.get("endTime"),
                limit=request.get("limit", MAX_EVENTS),
                from_head=request.get("startFromHead", False),
            )
        except NotFound as error:
            raise LogsResourceNotFound("The specified log stream does not exist.") from error
        except BadPageToken as error:
            raise InvalidParameter(str(error)) from error
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

    @operation("logs", "FilterLogEvents", on=_LOG_GROUP)
    def filter_log_events(self, context: Context, request: Request) -> Response:
        group = _group(context, request)
        try:
            matches = matcher(request.get("filterPattern", ""))
        except ValueError as error:
            raise InvalidParameter(str(error)) from error
        names = self._wanted(context, group, request)
        offsets = _offsets(request.get("nextToken"), names)
        found, more = self._search(context, group, names, offsets, request, matches)
        response: Response = {
            "events": [_found(event) for event in found],
            "searchedLogStreams": [],
        }
        if more:
            response["nextToken"] = _token({"offsets": offsets})
        return response

    def _search(
        self,
        context: Context,
        group: str,
        names: Sequence[str],
        offsets: dict[str, int],
        request: Request,
        matches: Callable[[str], bool],
    ) -> tuple[list[LogEvent], bool]:
        """Return the events of one page, and whether there may be more; moves `offsets` on."""
        found: list[LogEvent] = []
        limit = request.get("limit", MAX_EVENTS)
        events = self._logs.filter(
            context.account,
            context.region,
            group,
            names,
            offsets=dict(offsets),
            start_time=request.get("startTime"),
            end_time=request.get("endTime"),
        )
        try:
            for looked_at, event in enumerate(events):
                if len(found) == limit or looked_at == _MAX_LOOKED_AT:
                    return found, True
                if matches(event.message):
                    found.append(event)
                offsets[event.stream] = event.end
        except NotFound as error:
            raise LogsResourceNotFound("The specified log stream does not exist.") from error
        return found, False

    def _wanted(self, context: Context, group: str, request: Request) -> list[str]:
        names = request.get("logStreamNames")
        if names and "logStreamNamePrefix" in request:
            raise InvalidParameter("Give logStreamNames or logStreamNamePrefix, not both.")
        if names:
            return list(names)
        prefix = request.get("logStreamNamePrefix", "")
        return [stream.name for stream in self._streams(context, group, prefix)]

    def _streams(self, context: Context, group: str, prefix: str) -> list[LogStream]:
        try:
            return self._logs.streams(context.account, context.region, group, prefix)
        except NotFound as error:
            raise LogsResourceNotFound("The specified log group does not exist.") from error


def _group(context: Context, request: Request) -> str:
    """Return the name of the group that a request means, by name or by ARN.

    Raises:
        InvalidParameter: it names none.
        LogsResourceNotFound: it is another account's or region's.
    """
    identifier = request.get("logGroupName") or request.get("logGroupIdentifier")
    if not identifier:
        raise InvalidParameter("Give logGroupName or logGroupIdentifier.")
    text = str(identifier)
    if not text.startswith("arn:"):
        return text
    try:
        arn = Arn.parse(text)
    except ValueError as error:
        raise InvalidParameter(str(error)) from error
    if (arn.account, arn.region) != (context.account, context.region):
        raise LogsResourceNotFound("The specified log group does not exist.")
    return arn.resource.removeprefix("log-group:").removesuffix(":*")


def _described(context: Context, group: str, stream: LogStream) -> Response:
    resource = f"log-group:{group}:log-stream:{stream.name}"
    arn = Arn(service="logs", region=context.region, account=context.account, resource=resource)
    described: Response = {
        "logStreamName": stream.name,
        "creationTime": stream.modified if stream.first is None else stream.first,
        "arn": str(arn),
        "storedBytes": stream.size,
    }
    if stream.first is not None:
        described["firstEventTimestamp"] = stream.first
        described["lastEventTimestamp"] = stream.last
        described["lastIngestionTime"] = stream.last
    return described


def _found(event: LogEvent) -> Response:
    return {
        "logStreamName": event.stream,
        "timestamp": event.timestamp,
        "message": event.message,
        "ingestionTime": event.timestamp,
        "eventId": f"{event.timestamp:020}{event.offset:020}",
    }


def _position(token: str | None) -> int:
    position = 0 if token is None else _read(token).get("position")
    if not isinstance(position, int) or position < 0:
        raise _bad_token()
    return position


def _offsets(token: str | None, names: Sequence[str]) -> dict[str, int]:
    """Return where to go on in each stream."""
    offsets = {} if token is None else _read(token).get("offsets")
    if not isinstance(offsets, dict):
        raise _bad_token()
    if not all(isinstance(value, int) and value >= 0 for value in offsets.values()):
        raise _bad_token()
    return {name: offsets[name] for name in names if name in offsets}


def _token(content: Response) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


def _read(token: str) -> Response:
    try:
        content = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, binascii.Error) as error:
        raise _bad_token() from error
    if not isinstance(content, dict):
        raise _bad_token()
    return content


def _bad_token() -> InvalidParameter:
    return InvalidParameter("The specified nextToken is not one that this operation gave.")
