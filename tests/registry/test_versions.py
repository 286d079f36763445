"""Versions: their numbers, their members, and finding them."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from modelyard.operations.errors import Conflict, ValidationError
from modelyard.store.database import Database
from tests.registry.world import World, model_archive, root

THREADS, EACH, PROCESSES = 16, 4, 4


def test_versions_are_numbered_without_gaps_by_many_threads(
    database: Database, tmp_path: Path
) -> None:
    world = World(database, tmp_path)
    world.group()
    url = world.put("model.tar.gz", model_archive())
    found: list[str] = []

    def register() -> None:
        for _ in range(EACH):
            found.append(world.register(url=url))

    threads = [threading.Thread(target=register) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = sorted(int(arn.rpartition("/")[2]) for arn in found)
    assert numbers == list(range(1, THREADS * EACH + 1))


def test_numbers_are_given_once_to_many_processes(database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.registry.numbering", url, "10"]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)
    ]
    printed = [process.communicate()[0] for process in processes]
    numbers = sorted(int(line) for text in printed for line in text.split())
    assert numbers == list(range(1, 10 * PROCESSES + 1))


def test_a_deleted_versions_number_is_never_given_again(world: World) -> None:
    world.group()
    last = world.register()
    world.versions.delete_model_package(root(), {"ModelPackageName": last})
    assert world.register().endswith("/2")
    with pytest.raises(Conflict, match="still contains"):
        world.groups.delete_model_package_group(root(), {"ModelPackageGroupName": "credit-risk"})
    world.versions.delete_model_package(root(), {"ModelPackageName": "credit-risk/2"})
    world.groups.delete_model_package_group(root(), {"ModelPackageGroupName": "credit-risk"})
    world.group()
    assert world.register().endswith("/3")


def test_a_request_that_fails_takes_no_number(world: World) -> None:
    world.group()
    with pytest.raises(ValidationError, match="Could not find model data"):
        world.register(url="s3://assets-123456789012/missing.tar.gz")
    assert world.register().endswith("/1")


def test_metadata_is_merged_and_removed(world: World) -> None:
    world.group()
    arn = world.register(CustomerMetadataProperties={"a": "1", "b": "2"})
    world.update(
        root(), arn, CustomerMetadataProperties={"b": "3"}, CustomerMetadataPropertiesToRemove=["a"]
    )
    assert world.describe(arn)["CustomerMetadataProperties"] == {"b": "3"}


def test_a_package_without_a_group_has_no_approval_and_is_listed_apart(world: World) -> None:
    world.group()
    versioned = world.register()
    request = world.request()
    del request["ModelPackageGroupName"]
    alone = world.versions.create_model_package(root(), {**request, "ModelPackageName": "alone"})

    def listed(**members: str) -> list[str]:
        answer = world.versions.list_model_packages(root(), members)
        return [one["ModelPackageArn"] for one in answer["ModelPackageSummaryList"]]

    assert listed() == [alone["ModelPackageArn"]]
    assert listed(ModelPackageType="Versioned") == [versioned]
    assert listed(ModelPackageGroupName="credit-risk") == [versioned]
    assert len(listed(ModelPackageType="Both")) == 2
    with pytest.raises(ValidationError, match="already exists"):
        world.versions.create_model_package(root(), {**request, "ModelPackageName": "alone"})
    with pytest.raises(ValidationError, match="in no group"):
        world.update(root(), alone["ModelPackageArn"], ModelApprovalStatus="Approved")


def found(world: World, **request: Any) -> list[int]:
    answer = world.searches.search(root(), {"Resource": "ModelPackage", **request})
    return [one["ModelPackage"]["ModelPackageVersion"] for one in answer["Results"]]


def test_versions_are_found_by_their_members(world: World) -> None:
    world.group()
    for auc in ("0.91", "0.87", "0.99"):
        world.register(
            CustomerMetadataProperties={"auc": auc}, Tags=[{"Key": "team", "Value": auc}]
        )

    def where(name: str, operator: str, value: str | None = None) -> dict[str, Any]:
        given = {"Name": name, "Operator": operator, **({} if value is None else {"Value": value})}
        return {"SearchExpression": {"Filters": [given]}}

    path = "CustomerMetadataProperties.auc"
    assert found(world, **where(path, "GreaterThan", "0.9")) == [3, 1]
    assert found(world, **where(path, "In", "0.87, 0.99"), SortOrder="Ascending") == [2, 3]
    assert found(world, **where("Tags.team", "Equals", "0.91")) == [1]
    assert found(world, **where("Domain", "NotExists"), SortBy=path) == [3, 1, 2]
    image = "InferenceSpecification.Containers.Image"
    assert found(world, **where(image, "Contains", "sagemaker-xgboost"), MaxResults=2) == [3, 2]
    both = {
        "SearchExpression": {
            "Operator": "Or",
            "Filters": [{"Name": path, "Operator": "Equals", "Value": "0.87"}],
            "SubExpressions": [
                {"Filters": [{"Name": "ModelPackageVersion", "Operator": "Equals", "Value": "3"}]}
            ],
        }
    }
    assert found(world, **both) == [3, 2]


def test_a_search_that_cannot_be_is_told_all_that_is_wrong(world: World) -> None:
    request = {
        "SearchExpression": {
            "Filters": [
                {"Name": "a", "Operator": "Exists", "Value": "x"},
                {"Name": "a", "Operator": "GreaterThan"},
            ]
        }
    }
    with pytest.raises(ValidationError, match="2 validation errors"):
        found(world, **request)
    with pytest.raises(ValidationError, match="cannot be searched here yet"):
        world.searches.search(root(), {"Resource": "HubContent"})
