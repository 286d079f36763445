"""Models from an MLflow run, and from a file."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from modelyard.operations.errors import ValidationError
from modelyard.registry.source_operations import SourceOperations
from tests.live import XGBOOST
from tests.registry.world import World, booster, root

MLMODEL = """
artifact_path: model
flavors:
  python_function:
    loader_module: mlflow.xgboost
  xgboost:
    data: model.ubj
    model_format: ubj
run_id: 6f1c0e
mlflow_version: 3.1.0
signature:
  inputs: '[{"type": "double", "name": "radius"}]'
  outputs: '[{"type": "float"}]'
"""


@pytest.fixture
def sources(world: World) -> SourceOperations:
    world.group()
    return SourceOperations(
        world.objects, world.registration, default_image=lambda _region: XGBOOST
    )


def register(sources: SourceOperations, uri: str, **members: Any) -> dict[str, Any]:
    return sources.register_model_from(
        root(), {"ModelPackageGroupName": "credit-risk", "SourceUri": uri, **members}
    )


def test_an_mlflow_runs_model_is_packed_and_registered_with_its_run(
    world: World, sources: SourceOperations
) -> None:
    uri = world.put("runs/1/artifacts/model/MLmodel", MLMODEL.encode()).removesuffix("/MLmodel")
    world.put("runs/1/artifacts/model/model.ubj", bytes(booster().save_raw("ubj")))
    answer = register(sources, uri, Metrics={"auc": "0.97"})
    described = world.describe(answer["ModelPackageArn"])
    assert described["CustomerMetadataProperties"] == {
        "metric.auc": "0.97",
        "run_id": "6f1c0e",
        "flavor": "xgboost",
    }
    assert described["SourceUri"] == uri
    with world.store.read() as snapshot:
        source = snapshot.get_by_arn(answer["ModelPackageArn"]).observed["Source"]
    assert source["Signature"]["inputs"].startswith("[")
    world.update(root(), answer["ModelPackageArn"], ModelApprovalStatus="Approved")
    assert world.deployments.resolve(root(), answer["ModelPackageArn"]).sha256 == answer["Sha256"]


def test_a_model_file_is_packed_the_same_each_time(world: World, sources: SourceOperations) -> None:
    uri = world.put("model.json", bytes(booster().save_raw("json")))
    first, second = register(sources, uri), register(sources, uri)
    assert first["Sha256"] == second["Sha256"]
    assert first["ModelPackageArn"] != second["ModelPackageArn"]


def test_pickled_and_python_flavors_are_refused_with_a_word(
    world: World, sources: SourceOperations
) -> None:
    only_python = "flavors:\n  python_function: {}\n  sklearn: {pickled_model: model.pkl}\n"
    uri = world.put("a/MLmodel", only_python.encode()).removesuffix("/MLmodel")
    with pytest.raises(ValidationError, match=r"python_function, sklearn.*pickles or Python code"):
        register(sources, uri)
    disguised = world.put("b/MLmodel", MLMODEL.encode()).removesuffix("/MLmodel")
    world.put("b/model.ubj", pickle.dumps([1]))
    with pytest.raises(ValidationError, match="is a Python pickle"):
        register(sources, disguised)


@pytest.mark.parametrize("data", ["../../secret", "/etc/passwd"])
def test_an_mlmodel_file_leads_nowhere_else(
    world: World, sources: SourceOperations, data: str
) -> None:
    text = f"flavors:\n  xgboost:\n    data: {data}\n"
    uri = world.put("c/MLmodel", text.encode()).removesuffix("/MLmodel")
    with pytest.raises(ValidationError, match="names no file of the model"):
        register(sources, uri)


def test_a_source_that_is_not_there_or_nothing_known_is_refused(
    world: World, sources: SourceOperations
) -> None:
    with pytest.raises(ValidationError, match="there is no object there"):
        register(sources, "s3://assets-123456789012/nothing")
    uri = world.put("notes.txt", b"hello")
    with pytest.raises(ValidationError, match="no model format that is known"):
        register(sources, uri)
    onnx = world.put("m.onnx", b"\x08\x08\x12\x04test")
    with pytest.raises(ValidationError, match="Image is missing"):
        register(sources, onnx)
