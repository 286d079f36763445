"""A job's metrics are told step by step, and to nobody of another account."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelyard.jobs.metric_operations import JobMetricOperations
from modelyard.jobs.metric_series import MetricSeries
from modelyard.operations.context import Context, Principal
from modelyard.operations.errors import ResourceNotFound
from modelyard.store.resources import Scope
from tests.identity.world import World, world

ACCOUNT = "123456789012"
ARN = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:training-job/job"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[World]:
    made = world(tmp_path)
    yield made
    made.database.dispose()


def asked(home: World, folder: Path, account: str = ACCOUNT) -> dict[str, Any]:
    operations = JobMetricOperations(home.store, MetricSeries(folder / "metrics"))
    arn = f"arn:aws:iam::{account}:root"
    context = Context(
        account=account,
        region="us-east-1",
        principal=Principal(account=account, arn=arn, user_id=account),
        request_id="r",
        source="in-process",
    )
    return operations.describe_job_metrics(context, {"JobArn": ARN})


def make_job(home: World, folder: Path) -> None:
    with home.store.write() as transaction:
        job = transaction.create(
            Scope(account=ACCOUNT, region="us-east-1"),
            "training-job",
            "job",
            arn=ARN,
            spec={},
            status="InProgress",
        )
    file = folder / "metrics" / ACCOUNT / "us-east-1" / job.kind / "job.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text('["auc", 0, 1000000, 0.5]\n["auc", 1, 2000000, 0.75]\n["loss", 0, 1, 2]\n')


def test_each_metric_has_its_points_in_the_order_of_their_steps(
    home: World, tmp_path: Path
) -> None:
    make_job(home, tmp_path)
    metrics = asked(home, tmp_path)["Metrics"]
    assert [one["Name"] for one in metrics] == ["auc", "loss"]
    assert [(point["Step"], point["Value"]) for point in metrics[0]["Points"]] == [
        (0, 0.5),
        (1, 0.75),
    ]
    assert metrics[0]["Points"][1]["Time"].timestamp() == 2


def test_a_job_of_another_account_and_one_that_is_not_there_get_one_answer(
    home: World, tmp_path: Path
) -> None:
    with pytest.raises(ResourceNotFound, match="there is no job"):
        asked(home, tmp_path)
    make_job(home, tmp_path)
    with pytest.raises(ResourceNotFound, match="there is no job"):
        asked(home, tmp_path, account="234567890123")
