"""The image catalogue understands every URI that AWS's clients compute."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
import re2

from modelyard.compute.images import Purpose, UnknownImageError, image_of, retrieve
from modelyard.compute.images.algorithms import ALGORITHMS as ALGORITHM_FAMILIES
from modelyard.compute.images.built_in import BuiltIn
from modelyard.compute.images.registries import accounts_of

ROOT = Path(__file__).parents[2]
SDK_PYTHON = ROOT / ".venv-sagemaker-v2" / "bin" / "python"

#: Prints [version, region, uri] for all that the SDK knows. Its endpoint resolver is asked once
#: per call and reads megabytes each time, so it is kept.
ORACLE = """
import functools, json, logging
logging.disable(logging.CRITICAL)
from sagemaker import image_uris, utils
utils._botocore_resolver = functools.cache(utils._botocore_resolver)
def uris(framework, **rest):
    config = image_uris.config_for_framework(framework)
    known = config.get("training", config.get("processing", config))["versions"]
    return [
        [version, region, image_uris.retrieve(framework, region, version, **rest)]
        for version, config in known.items() for region in config["registries"]
    ]
sklearn = uris("sklearn", py_version="py3", instance_type="ml.m5.large", image_scope="training")
found = {name: uris(name) for name in [*ALGORITHMS, "model-monitor", "clarify"]}
print(json.dumps({"xgboost": uris("xgboost"), "sklearn": sklearn, **found}))
"""
#: The algorithms beside XGBoost that the SDK knows a URI of.
ALGORITHMS = (
    "linear-learner",
    "kmeans",
    "pca",
    "knn",
    "randomcutforest",
    "factorization-machines",
    "blazingtext",
    "forecasting-deepar",
)

_Uris = list[tuple[str, str, str]]


@pytest.fixture(scope="module")
def sdk() -> dict[str, _Uris]:
    if not SDK_PYTHON.exists():
        pytest.skip("needs the sagemaker SDK's environment: make sagemaker-v2")
    done = subprocess.run(
        [SDK_PYTHON, "-W", "ignore", "-c", f"ALGORITHMS = {ALGORITHMS}\n{ORACLE}"],
        capture_output=True,
        check=True,
        text=True,
    )
    return {
        framework: [(version, region, uri) for version, region, uri in uris]
        for framework, uris in json.loads(done.stdout).items()
    }


@pytest.fixture(scope="module")
def sdk_uris(sdk: dict[str, _Uris]) -> _Uris:
    return sdk["xgboost"]


def test_every_uri_of_the_sdk_is_the_scikit_learn_image_of_that_version(
    sdk: dict[str, _Uris],
) -> None:
    assert len(sdk["sklearn"]) > 150
    for version, _, uri in sdk["sklearn"]:
        image = image_of(uri, "process")
        assert (image.name, image.version) == ("scikit-learn", version)
        assert not image.processes  # what runs is the caller's script


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_uri_of_the_sdk_is_the_algorithm_of_that_name(
    sdk: dict[str, _Uris], name: str
) -> None:
    assert len(sdk[name]) > 30
    assert [(v, r, retrieve(name, v, r)) for v, r, _ in sdk[name]] == sdk[name]
    for version, _, uri in sdk[name]:
        for purpose in ("train", "serve"):
            image = image_of(uri, purpose)
            assert (image.name, image.version, image.server) == (name, version, "program")


@pytest.mark.parametrize("name", ["lightgbm", "catboost"])
def test_what_the_sdk_has_no_uri_for_is_in_modelyards_own_registry(name: str) -> None:
    [version] = next(f for f in ALGORITHM_FAMILIES if f.name == name).versions
    uri = retrieve(name, version, "eu-north-1")
    assert uri == f"modelyard/{name}:{version}"
    assert image_of(uri, "train").train[1:] == ["-m", f"modelyard.images.{name}", "train"]
    assert image_of(uri, "serve").metric_definitions


def test_an_algorithm_says_what_stands_against_hyperparameters() -> None:
    image = image_of(retrieve("kmeans", "1", "us-east-1"), "train")
    assert image.hyperparameter_problems is not None
    assert image.hyperparameter_problems({"k": "3"}, 1) == []
    [several, wrong] = image.hyperparameter_problems({"k": "0"}, 2)
    assert "one instance" in several
    assert "k=0 must be an integer >= 1" in wrong


@pytest.mark.parametrize("family", ALGORITHM_FAMILIES, ids=lambda family: family.name)
def test_every_algorithms_program_and_metrics_are_there(family: BuiltIn) -> None:
    image = image_of(family.retrieve(next(iter(family.versions)), "us-east-1"), "train")
    program = importlib.util.find_spec(f"{image.entrypoint[-1]}.__main__")
    assert program is not None
    for _, pattern in image.metric_definitions:
        assert re2.compile(pattern).groups == 1


@pytest.mark.parametrize(
    "uri",
    [
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:9.9-9-cpu-py3",
        "111111111111.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
        "sagemaker-scikit-learn",
    ],
)
def test_an_image_for_processing_that_is_not_offered_is_refused(uri: str) -> None:
    with pytest.raises(UnknownImageError, match="is not offered"):
        image_of(uri, "process")


def test_scikit_learn_runs_scripts_for_any_purpose() -> None:
    uri = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
    purposes: tuple[Purpose, ...] = ("train", "serve", "process")
    assert {image_of(uri, purpose).name for purpose in purposes} == {"scikit-learn"}


@pytest.mark.parametrize("name", ["model-monitor", "clarify"])
def test_every_uri_of_the_sdk_is_the_analysis_image(sdk: dict[str, _Uris], name: str) -> None:
    assert len(sdk[name]) > 25
    for version, region, uri in sdk[name]:
        image = image_of(uri, "process")
        assert (image.name, image.processes) == (name, True)
        assert retrieve(name, version, region) == uri


def test_scikit_learn_has_no_program_but_that_for_scripts() -> None:
    uri = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
    assert image_of(uri, "process").entrypoint == ()
    purposes: tuple[Purpose, ...] = ("train", "serve")
    for purpose in purposes:
        image = image_of(uri, purpose).with_script({})
        assert list(image.entrypoint[-2:]) == ["modelyard.images.script_mode", "scikit-learn"]
        assert image.server == "program"


def test_xgboost_runs_a_script_only_where_one_is_named() -> None:
    uri = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
    image = image_of(uri, "serve")
    assert image.with_script({"max_depth": "3"}) is image
    for name in ("sagemaker_program", "SAGEMAKER_PROGRAM"):
        scripted = image.with_script({name: "mine.py"})
        assert scripted.server == "program"
        assert scripted.serve[-3:] == ["modelyard.images.script_mode", "xgboost", "serve"]
    legacy = image_of("811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:1", "serve")
    assert legacy.with_script({"SAGEMAKER_PROGRAM": "mine.py"}) is legacy


def test_every_uri_of_the_sdk_is_the_xgboost_image_of_that_version(
    sdk_uris: list[tuple[str, str, str]],
) -> None:
    assert len(sdk_uris) > 300
    for version, _, uri in sdk_uris:
        image = image_of(uri, "train")
        assert (image.name, image.version) == ("xgboost", version)


def test_retrieve_computes_the_same_uris_as_the_sdk(sdk_uris: list[tuple[str, str, str]]) -> None:
    assert [(v, r, retrieve("xgboost", v, r)) for v, r, _ in sdk_uris] == sdk_uris
    assert {region for _, region, _ in sdk_uris} == {
        *accounts_of("xgboost"),
        *accounts_of("frameworks"),
    }


def test_the_image_is_a_program_of_this_interpreter() -> None:
    image = image_of(
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1", "train"
    )
    assert image.train == [sys.executable, "-m", "modelyard.images.xgboost", "train"]
    assert "validation:auc" in dict(image.metric_definitions)


@pytest.mark.parametrize(
    "uri",
    [
        "811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:1",
        "811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:latest",
        "811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost",
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.5-1-cpu-py3",
    ],
)
def test_tags_that_are_published_beside_the_sdks_are_understood(uri: str) -> None:
    assert image_of(uri, "serve").name == "xgboost"


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "xgboost",
        "docker.io/library/python:3.11",
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost",
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:9.9-9",
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:9.9-9-cpu-py3",
        "683313688378.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:1.7-1",
        "683313688378.dkr.ecr.us-east-1.amazonaws.com.evil.example/sagemaker-xgboost:1.7-1",
        "111122223333.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1@sha256:00",
    ],
)
def test_an_unknown_uri_is_refused_with_what_is_offered(uri: str) -> None:
    with pytest.raises(UnknownImageError, match=r"xgboost in the versions 1, .*3\.0-5"):
        image_of(uri, "train")


@pytest.mark.parametrize(
    ("framework", "version", "region", "says"),
    [
        ("tensorflow", "1", "us-east-1", "use one of xgboost, "),
        ("xgboost", "1.7", "us-east-1", r"use one of 1, latest, .*1\.7-1"),
        ("xgboost", "1.7-1", "moon-1", "us-east-1"),
        ("xgboost", "1", "il-central-1", "us-east-1"),
    ],
)
def test_retrieve_names_what_is_offered(
    framework: str, version: str, region: str, says: str
) -> None:
    with pytest.raises(UnknownImageError, match=says):
        retrieve(framework, version, region)
