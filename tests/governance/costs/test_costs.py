"""Costs are seconds × price × instances, added up by whatever is asked for, of one's own jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from modelyard.compute.instance_types import instance_type
from modelyard.governance.costs.operations import CostOperations, costs_of
from modelyard.jobs.cost import cost_of
from modelyard.operations.context import Context, Principal
from modelyard.operations.errors import ResourceNotFound, ValidationError
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable
from modelyard.store.resources import Resource, Scope, Store
from tests.orchestrator.world import new_store
from tests.policies import AllowAll

OWN, OTHER, HIDDEN = "123456789012", "234567890123", "345678901234"
REGION = "eu-west-1"
HOUR = 3_600_000_000  # microseconds


@dataclass(frozen=True)
class Decision:
    refusal: str | None


def decide(_context: Context, action: str, resource: str, _request: object) -> Decision:
    assert action == "modelyard:ListCosts"
    return Decision(None if resource == costs_of(OTHER, REGION) else "no")


def table(store: Store) -> OperationTable:
    made = OperationTable(Schema(), AllowAll())
    made.add(CostOperations(store, decide, lambda _snapshot: [OWN, OTHER, HIDDEN]))
    return made


CONTEXT = Context(
    account=OWN,
    region=REGION,
    principal=Principal(account=OWN, arn=f"arn:aws:iam::{OWN}:root", user_id="x"),
    request_id="r",
    source="in-process",
)


def job(
    store: Store,
    name: str,
    *,
    kind: str = "training-job",
    account: str = OWN,
    tags: Mapping[str, str] | None = None,
    **observed: Any,
) -> Resource:
    """Have a job that has run for an hour on two ml.m5.large, at 0.1 dollars an hour each."""
    cost = {
        "seconds": 3600.0,
        "instance_type": "ml.m5.large",
        "instances": 2,
        "usd_per_hour": 0.1,
        "usd": 0.2,
    }
    with store.write() as transaction:
        return transaction.create(
            Scope(account=account, region=REGION),
            kind,
            name,
            arn=f"arn:aws:sagemaker:{REGION}:{account}:{kind}/{name}",
            spec={},
            status="Completed",
            observed={"cost": cost, "created_by": "ana", **observed},
            tags=tags,
        )


@pytest.fixture
def store() -> Iterator[Store]:
    with new_store() as made:
        yield made


def costs(store: Store, **request: Any) -> dict[str, Any]:
    return dict(table(store).call(CONTEXT, "modelyard", "ListCosts", request))


def by_name(answer: Mapping[str, Any]) -> dict[str, float]:
    return {group["Name"]: round(group["Usd"], 6) for group in answer["Groups"]}


def test_costs_are_added_up_by_user_tag_and_job(store: Store) -> None:
    job(store, "a", tags={"team": "red"})
    job(store, "b", kind="processing-job", tags={"team": "red"}, created_by="ben")
    job(store, "c", kind="transform-job")
    job(store, "running", cost=None)
    assert by_name(costs(store, By="user")) == {"ana": 0.4, "ben": 0.2}
    assert by_name(costs(store, By="tag", TagKey="team")) == {"red": 0.4, "": 0.2}
    by_job = costs(store, By="job", MaxResults=2)
    assert (len(by_job["Groups"]), by_job["GroupsLeftOut"]) == (2, 1)
    assert by_job["Total"]["Usd"] == pytest.approx(0.6)
    assert (by_job["Total"]["Jobs"], by_job["Total"]["InstanceSeconds"]) == (3, 21600.0)


def test_other_accounts_costs_are_shown_to_whom_the_policies_let_see_them(store: Store) -> None:
    for account in (OWN, OTHER, HIDDEN):
        job(store, "a", account=account)
    assert by_name(costs(store, By="account")) == {OWN: 0.2, OTHER: 0.2}
    assert by_name(costs(store, By="user")) == {"ana": 0.2}


def test_a_type_without_a_price_is_counted_apart(store: Store) -> None:
    cost = {"seconds": 10.0, "instance_type": "ml.x", "instances": 3, "usd": None}
    job(store, "a", cost=cost)
    total = costs(store, By="account")["Total"]
    assert (total["Usd"], total["UnpricedInstanceSeconds"]) == (0.0, 30.0)


@pytest.mark.parametrize("request_", [{"By": "tag"}, {"By": "job", "TagKey": "x"}, {"By": "x"}, {}])
def test_what_is_asked_wrongly_is_refused(store: Store, request_: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        costs(store, **request_)


def test_a_job_says_where_it_ran_and_in_which_image(store: Store) -> None:
    made = job(store, "a", compute="container", image="ghcr.io/a@sha256:1", usd_per_hour=0.1)
    found = table(store).call(CONTEXT, "modelyard", "DescribeJobRun", {"JobArn": made.arn})
    assert found["Compute"] == "container"
    assert found["ImageDigestUri"] == "ghcr.io/a@sha256:1"
    assert (found["Usd"], found["Seconds"], found["InstanceCount"]) == (0.2, 3600.0, 2)


@pytest.mark.parametrize("name", ["nothing", OTHER])
def test_a_job_of_another_account_is_not_there(store: Store, name: str) -> None:
    made = job(store, "a", account=OTHER)
    arn = made.arn if name == OTHER else made.arn.replace("/a", "/nothing")
    with pytest.raises(ResourceNotFound):
        table(store).call(CONTEXT, "modelyard", "DescribeJobRun", {"JobArn": arn})


@pytest.mark.parametrize(
    ("observed", "price", "seconds", "usd"),
    [
        ({"started": HOUR}, 0.5, 7200.0, 2.0),
        ({"started": HOUR}, None, 7200.0, None),
        ({}, 0.5, 0.0, 0.0),
        (
            {
                "started": HOUR,
                "transitions": [
                    {"status": "Downloading", "start": HOUR},
                    {"status": "Interrupted", "start": 2 * HOUR},
                    {"status": "Downloading", "start": 2.5 * HOUR},
                ],
            },
            0.5,
            5400.0,
            1.5,
        ),
    ],
)
def test_a_job_costs_its_seconds_with_room(
    store: Store,
    observed: dict[str, Any],
    price: float | None,
    seconds: float,
    usd: float | None,
) -> None:
    row = job(store, "a", **{"transitions": [], **observed})
    cost = cost_of(row, instance_type("ml.m5.large"), 2, price, 3 * HOUR)
    assert (cost["seconds"], cost["usd"]) == (seconds, usd)
