"""What can be asked of events: put own ones on a bus, try a pattern, follow a bus."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from modelyard import clock
from modelyard.events.arrivals import Arrival, arrivals_of, put_on_bus
from modelyard.events.bus_event import BusEvent
from modelyard.events.bus_operations import own_bus
from modelyard.events.buses import Bus, find_bus, may_put, on_bus, on_buses_of_entries
from modelyard.events.errors import NoSuchResource
from modelyard.events.paging import new_token, number_of, token_of
from modelyard.events.patterns import Pattern
from modelyard.events.vocabulary import is_reserved
from modelyard.operations.context import Context
from modelyard.operations.errors import OperationError, ValidationError
from modelyard.operations.requests import scope_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import every
from modelyard.store import causes, deliveries, documents
from modelyard.store.errors import Unstorable
from modelyard.store.resources import Snapshot, Store

MAX_REQUEST_BYTES = 256 * 1024
_MAX_RESOURCE_CHARACTERS = 1024
_ENVELOPE = ("id", "detail-type", "source", "account", "time", "region", "resources", "detail")
DEFAULT_TAIL = 100
_LOOKED_BACK = 1000  # events, for the newest of them that a bus got


class _Refused(OperationError):
    """An entry is not taken."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class EventOperations:
    """PutEvents, TestEventPattern, ListEvents."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @operation("events", "PutEvents", on=on_buses_of_entries)
    def put_events(self, context: Context, request: Request) -> Response:
        """Put each entry that is right on its bus, and answer what is wrong with the others."""
        if "EndpointId" in request:
            raise ValidationError("EndpointId is not offered: leave it out")
        if sum(map(_size, request["Entries"])) > MAX_REQUEST_BYTES:
            raise ValidationError("Total size of the entries in the request is over the limit.")
        answers: list[dict[str, Any]] = []
        with self._store.write() as transaction:
            for entry in request["Entries"]:
                try:
                    arrival = _arrival(transaction, context, entry)
                    put_on_bus(transaction, arrival)
                    answers.append({"EventId": arrival.envelope["id"]})
                except (_Refused, Unstorable) as error:
                    code = error.code if isinstance(error, _Refused) else "InvalidArgument"
                    answers.append({"ErrorCode": code, "ErrorMessage": str(error)})
        failed = sum("ErrorCode" in answer for answer in answers)
        return {"FailedEntryCount": failed, "Entries": answers}

    @operation("events", "TestEventPattern", on=every("*", service="events"))
    def test_event_pattern(self, context: Context, request: Request) -> Response:
        pattern = Pattern.parse(request["EventPattern"])
        try:
            event = json.loads(request["Event"])
        except (ValueError, RecursionError) as error:
            raise ValidationError(f"Parameter Event is not valid. Reason: {error}") from error
        missing = [key for key in _ENVELOPE if not isinstance(event, dict) or key not in event]
        if missing:
            raise ValidationError(
                f"Parameter Event is not valid. Reason: it lacks {', '.join(missing)}"
            )
        return {"Result": pattern.matches(event)}

    @operation("modelyard", "ListEvents", on=on_bus("EventBusName"))
    def list_events(self, context: Context, request: Request) -> Response:
        """Answer what came to a bus since the page before.

        The first page is empty, and says where to go on; or begins with the oldest event that is
        kept; or, with Newest, has the last ones so far.
        """
        bus = own_bus(context, request.get("EventBusName"))
        pattern = Pattern.parse(request["EventPattern"]) if "EventPattern" in request else None
        after = token_of(request.get("NextToken"))
        if after is None and request.get("FromBeginning"):
            after = "0"
        most, found = request.get("MaxResults", DEFAULT_TAIL), []
        with self._store.read() as snapshot:
            find_bus(snapshot, bus)
            events, newest = deliveries.events_after(
                snapshot.connection,
                scope_of(context),
                None if after is None else number_of(after),
                limit=most,
            )
            looks_back = after is None and request.get("Newest", False)
            if looks_back:
                events = deliveries.newest_events(
                    snapshot.connection, scope_of(context), limit=_LOOKED_BACK
                )
            for event in events:
                for arrival in arrivals_of(snapshot, event):
                    if arrival.bus != bus.name:
                        continue
                    if pattern is None or pattern.matches(arrival.envelope):
                        found.append(json.dumps(arrival.envelope, ensure_ascii=False))
        if looks_back:
            found = found[-most:]
        return {"Events": found, "NextToken": new_token(str(newest))}


def _arrival(snapshot: Snapshot, context: Context, entry: Mapping[str, Any]) -> Arrival:
    bus = Bus.named(context, entry.get("EventBusName"))
    try:
        find_bus(snapshot, bus)
        if bus.scope.account != context.account and not may_put(
            snapshot, bus, account=context.account, principal=context.principal.arn
        ):
            raise _Refused(
                "AccessDeniedException",
                f"the policy of {bus.arn} does not allow events:PutEvents to "
                f"{context.principal.arn}",
            )
    except NoSuchResource as error:
        raise _Refused(error.code, error.message) from error
    source = _required(entry, "Source")
    if is_reserved(source):
        raise _Refused(
            "NotAuthorizedForSourceException",
            f"Not authorized for the source {source!r}: aws.… and modelyard are the server's own.",
        )
    resources = list(entry.get("Resources") or [])
    if any(len(arn) > _MAX_RESOURCE_CHARACTERS for arn in resources):
        raise _Refused(
            "InvalidArgument", f"Resources: at most {_MAX_RESOURCE_CHARACTERS} characters each"
        )
    event = BusEvent(
        id=str(uuid.uuid4()),
        source=source,
        detail_type=_required(entry, "DetailType"),
        account=context.account,
        region=context.region,
        time=entry.get("Time") or clock.now(),
        resources=resources,
        detail=_detail(_required(entry, "Detail")),
    )
    return Arrival(
        scope=bus.scope,
        bus=bus.name,
        envelope=event.envelope(),
        # Events about the same thing stay in order; those about nothing do by their source.
        resource=_order_of(resources, source),
        depth=causes.depth(),
    )


def _order_of(resources: list[str], source: str) -> str:
    first = resources[0] if resources else f"source:{source}"
    storable = documents.storable(first) and len(first.encode()) <= _MAX_RESOURCE_CHARACTERS
    return first if storable and first else "source:"


def _required(entry: Mapping[str, Any], member: str) -> str:
    value = entry.get(member)
    if not value:
        raise _Refused(
            "InvalidArgument",
            f"Parameter {member} is not valid. Reason: {member} is a required argument.",
        )
    return str(value)


def _detail(text: str) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON")

    try:
        found = json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise _Refused("MalformedDetail", f"Detail is malformed: {error}") from error
    if not isinstance(found, dict):
        raise _Refused("MalformedDetail", "Detail is malformed: it must be a JSON object.")
    return found


def _size(entry: Mapping[str, Any]) -> int:
    """Return an entry's size in bytes, as EventBridge counts it."""
    texts = [entry.get(key) or "" for key in ("Source", "DetailType", "Detail")]
    texts += entry.get("Resources") or []
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) + (
        14 if "Time" in entry else 0
    )
