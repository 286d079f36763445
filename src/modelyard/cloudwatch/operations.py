"""What can be asked of metrics: put some, list which there are, look at one over time."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from modelyard import clock
from modelyard.cloudwatch.statistics import datapoints
from modelyard.operations.context import Context
from modelyard.operations.errors import OperationError
from modelyard.operations.requests import scope_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import named
from modelyard.store import measures
from modelyard.store.measures import Measure, Measured
from modelyard.store.resources import Store

_METRIC = named("metric", "Namespace", service="cloudwatch")
_PAGE = 500
_MAX_DATAPOINTS = 1440
_MAX_PUT = 1000
#: Only the platform's own jobs measure under names that begin so.
_RESERVED = "aws/"


class InvalidParameterValue(OperationError):
    """The value of a parameter is not one that can be used."""

    code = "InvalidParameterValue"


class InvalidParameterCombination(OperationError):
    """Parameters cannot be used together."""

    code = "InvalidParameterCombination"


class MissingParameter(OperationError):
    """A parameter that is needed is missing."""

    code = "MissingParameter"


class MetricOperations:
    """PutMetricData, ListMetrics, GetMetricStatistics in the caller's account and region."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @operation("cloudwatch", "PutMetricData", on=_METRIC)
    def put_metric_data(self, context: Context, request: Request) -> Response:
        namespace, given = request["Namespace"], request.get("MetricData", [])
        if namespace.lower().startswith(_RESERVED):
            raise InvalidParameterValue(
                f"Namespace {namespace!r}: names that begin with {_RESERVED!r} are the platform's"
            )
        if request.get("EntityMetricData"):
            raise InvalidParameterValue("EntityMetricData is not offered: use MetricData")
        if not 1 <= len(given) <= _MAX_PUT:
            raise MissingParameter(f"MetricData must have 1 to {_MAX_PUT} entries")
        found = [one for datum in given for one in _measured(namespace, datum)]
        with self._store.write() as transaction:
            measures.record(transaction.connection, scope_of(context), str(uuid.uuid4()), found)
        return {}

    @operation("cloudwatch", "ListMetrics", on=_METRIC)
    def list_metrics(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            found = measures.find(
                snapshot.connection,
                scope_of(context),
                namespace=request.get("Namespace"),
                name=request.get("MetricName"),
            )
        after = _position(request.get("NextToken"))
        fitting = [one for one in found if one.id > after and _fits(one, request)]
        page = fitting[:_PAGE]
        answer: Response = {
            "Metrics": [
                {
                    "Namespace": one.namespace,
                    "MetricName": one.name,
                    "Dimensions": [
                        {"Name": name, "Value": value} for name, value in one.dimensions.items()
                    ],
                }
                for one in page
            ]
        }
        if len(fitting) > _PAGE:
            answer["NextToken"] = str(page[-1].id)
        return answer

    @operation("cloudwatch", "GetMetricStatistics", on=_METRIC)
    def get_metric_statistics(self, context: Context, request: Request) -> Response:
        start, end, period = _times(request)
        wanted = request.get("Statistics", [])
        if request.get("ExtendedStatistics"):
            raise InvalidParameterValue(
                "ExtendedStatistics is not offered: use Statistics, such as Average"
            )
        if not wanted:
            raise MissingParameter("Statistics must be given: Average, Minimum, Maximum, …")
        dimensions = {one["Name"]: one["Value"] for one in request.get("Dimensions", [])}
        with self._store.read() as snapshot:
            measured = [
                point
                for measure in measures.find(
                    snapshot.connection,
                    scope_of(context),
                    namespace=request["Namespace"],
                    name=request["MetricName"],
                )
                if measure.dimensions == dimensions
                for point in measures.between(snapshot.connection, measure, start, end)
                if request.get("Unit") in (None, point.unit)
            ]
        return {
            "Label": request["MetricName"],
            "Datapoints": datapoints(measured, period, wanted),
        }


def _times(request: Request) -> tuple[Any, Any, timedelta]:
    start, end, period = request["StartTime"], request["EndTime"], request["Period"]
    if period not in (1, 5, 10, 30) and period % 60:
        raise InvalidParameterValue(f"Period {period} must be 1, 5, 10, 30 or a multiple of 60")
    if start >= end:
        raise InvalidParameterCombination("StartTime must lie ahead of EndTime")
    points = (end - start).total_seconds() / period
    if points > _MAX_DATAPOINTS:
        raise InvalidParameterCombination(
            f"You have requested up to {points:,.0f} datapoints, which exceeds the limit of "
            f"{_MAX_DATAPOINTS:,}. You may reduce the datapoints requested by increasing Period, "
            "or decreasing the time range."
        )
    return start, end, timedelta(seconds=period)


def _measured(namespace: str, datum: Mapping[str, Any]) -> list[Measured]:
    shared: dict[str, Any] = {
        "namespace": namespace,
        "name": datum["MetricName"],
        "dimensions": {one["Name"]: one["Value"] for one in datum.get("Dimensions", [])},
        "at": datum.get("Timestamp") or clock.now(),
        "unit": datum.get("Unit", "None"),
    }
    statistics = datum.get("StatisticValues")
    if statistics is not None:
        return [
            Measured(
                **shared,
                count=statistics["SampleCount"],
                sum=statistics["Sum"],
                minimum=statistics["Minimum"],
                maximum=statistics["Maximum"],
            )
        ]
    values = datum.get("Values") or ([datum["Value"]] if "Value" in datum else [])
    counts = datum.get("Counts") or [1.0] * len(values)
    if not values or len(counts) != len(values):
        raise MissingParameter(
            f"{datum['MetricName']}: give Value, StatisticValues, or Values with as many Counts"
        )
    return [
        Measured(
            **shared,
            count=sum(counts),
            sum=sum(value * count for value, count in zip(values, counts, strict=True)),
            minimum=min(values),
            maximum=max(values),
        )
    ]


def _fits(measure: Measure, request: Request) -> bool:
    recent = request.get("RecentlyActive")
    if recent is not None and measure.newest_at < clock.now() - timedelta(hours=3):
        return False
    own = measure.dimensions
    return all(
        one["Name"] in own and one.get("Value", own[one["Name"]]) == own[one["Name"]]
        for one in request.get("Dimensions", [])
    )


def _position(token: str | None) -> int:
    if token is None:
        return 0
    if not (token.isascii() and token.isdigit() and len(token) < 19):
        raise InvalidParameterValue("NextToken is not one that this server gave")
    return int(token)
