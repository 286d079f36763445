"""Metrics over time: what is put, and what monitors' jobs wrote, as CloudWatch shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from modelyard import clock
from modelyard.cloudwatch.job_metrics import keep
from modelyard.cloudwatch.operations import MetricOperations
from modelyard.operations.context import Context, Principal
from modelyard.operations.errors import OperationError
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable, Response
from modelyard.store.database import Database
from modelyard.store.resources import Resource, Scope, Store
from tests.policies import AllowAll

ACCOUNT, REGION = "123456789012", "us-east-1"
SCOPE = Scope(account=ACCOUNT, region=REGION)
AT = clock.now().replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
MINUTE = timedelta(minutes=1)


class World:
    def __init__(self, home: Path) -> None:
        self.database = Database(f"sqlite:///{home}/modelyard.db")
        self.database.migrate()
        self.store = Store(self.database)
        self.table = OperationTable(Schema(), AllowAll())
        self.table.add(MetricOperations(self.store))

    def call(self, operation: str, *, account: str = ACCOUNT, **members: Any) -> Response:
        principal = Principal(account=account, arn=f"arn:aws:iam::{account}:root", user_id="x")
        context = Context(
            account=account, region=REGION, principal=principal, request_id="r", source="test"
        )
        return self.table.call(context, "cloudwatch", operation, members)

    def put(self, name: str, value: float, at: datetime, **members: Any) -> None:
        datum = {"MetricName": name, "Value": value, "Timestamp": at, **members}
        self.call("PutMetricData", Namespace="mine", MetricData=[datum])

    def statistics(self, name: str, **members: Any) -> list[Response]:
        asked: dict[str, Any] = {
            "Namespace": "mine",
            "MetricName": name,
            "StartTime": AT,
            "EndTime": AT + timedelta(hours=1),
            "Period": 600,
            "Statistics": ["Average", "Sum", "Minimum", "Maximum", "SampleCount"],
            **members,
        }
        answer = self.call("GetMetricStatistics", **asked)
        return list(answer["Datapoints"])

    def listed(self, **members: Any) -> list[str]:
        return [one["MetricName"] for one in self.call("ListMetrics", **members)["Metrics"]]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.database.dispose()


def test_statistics_are_of_the_samples_of_each_period(world: World) -> None:
    for minute, value in ((0, 1.0), (9, 3.0), (10, 5.0), (60, 7.0)):
        world.put("latency", value, AT + minute * MINUTE)
    first, second = world.statistics("latency")
    assert first["Timestamp"] == AT
    shown = {name: first[name] for name in ("Average", "Sum", "Minimum", "Maximum", "SampleCount")}
    assert shown == {"Average": 2, "Sum": 4, "Minimum": 1, "Maximum": 3, "SampleCount": 2}
    assert (second["Timestamp"], second["Average"]) == (AT + 10 * MINUTE, 5)
    assert world.statistics("latency", Dimensions=[{"Name": "Host", "Value": "a"}]) == []
    assert world.statistics("latency", Unit="Seconds") == []


def test_many_samples_may_come_at_once(world: World) -> None:
    world.put("size", 0, AT, Value=None, Values=[1.0, 4.0], Counts=[3.0, 1.0])
    given = {"SampleCount": 2.0, "Sum": 20.0, "Minimum": 8.0, "Maximum": 12.0}
    world.put("size", 0, AT, Value=None, StatisticValues=given)
    [point] = world.statistics("size")
    assert (point["SampleCount"], point["Sum"], point["Maximum"]) == (6, 27, 12)


def test_metrics_are_listed_by_what_they_are_called_and_nobody_elses(world: World) -> None:
    host = [{"Name": "Host", "Value": "a"}]
    world.put("one", 1, AT, Dimensions=host)
    world.put("two", 1, clock.now())
    assert world.listed() == ["one", "two"]
    assert world.listed(MetricName="two") == ["two"]
    assert world.listed(Dimensions=[{"Name": "Host"}]) == ["one"]
    assert world.listed(Dimensions=[{"Name": "Host", "Value": "b"}]) == []
    assert world.listed(RecentlyActive="PT3H") == ["two"]
    assert world.listed(Namespace="other") == []
    assert world.listed(account="210987654321") == []


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"Period": 61}, "multiple of 60"),
        ({"EndTime": AT}, "must lie ahead of"),
        ({"EndTime": AT + timedelta(days=30), "Period": 60}, "43,200 datapoints"),
        ({"Statistics": None, "ExtendedStatistics": ["p90"]}, "ExtendedStatistics is not offered"),
        ({"Statistics": None}, "Statistics must be given"),
    ],
)
def test_what_cannot_be_shown_is_refused(world: World, members: Any, said: str) -> None:
    with pytest.raises(OperationError, match=said):
        world.statistics("latency", **members)


def test_nobody_puts_metrics_under_the_platforms_names(world: World) -> None:
    datum = {"MetricName": "x", "Value": 1.0}
    with pytest.raises(OperationError, match="are the platform's"):
        world.call("PutMetricData", Namespace="AWS/SageMaker", MetricData=[datum])
    with pytest.raises(OperationError, match="give Value"):
        world.call("PutMetricData", Namespace="mine", MetricData=[{"MetricName": "x"}])


def test_what_a_job_measured_counts_once_and_broken_lines_not_at_all(world: World) -> None:
    job = Resource(
        id=1,
        scope=SCOPE,
        kind="processing-job",
        name="job",
        arn="arn:aws:sagemaker:us-east-1:123456789012:processing-job/job",
        spec={},
        status="InProgress",
        observed={},
        revision=1,
        created_at=AT,
        modified_at=AT,
    )
    line = {
        "Namespace": "aws/sagemaker/Endpoints/data-metrics",
        "MetricName": "feature_baseline_drift_age",
        "Timestamp": f"{AT.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "Dimensions": [{"Name": "Endpoint", "Value": "census"}],
        "Value": 0.25,
    }
    broken = [{**line, "Value": "NaN"}, {**line, "Dimensions": [1]}, {"MetricName": "x"}, []]
    text = "\n".join(
        [json.dumps(line), "{", *(json.dumps(one) for one in broken), '{"Namespace": 1}']
    )
    for _ in range(2):
        keep(world.store, job, text)
    [point] = world.statistics(
        "feature_baseline_drift_age",
        Namespace=line["Namespace"],
        Dimensions=line["Dimensions"],
    )
    assert (point["SampleCount"], point["Average"]) == (1, 0.25)
    assert world.listed() == ["feature_baseline_drift_age"]
