"""The model that an analysis asks: served beside the job, and gone with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

import psutil
import pytest

from modelyard.compute.images import Image
from modelyard.jobs.data_error import DataError
from modelyard.jobs.model import JobModel
from modelyard.processing.analysis import Analysis
from modelyard.processing.predictor import Models
from modelyard.store.encryption.data_keys import NoKeys
from modelyard.store.objects import S3Uri
from modelyard.store.resources import Resource
from tests.compute.serving import ARGV
from tests.processing.world import ACCOUNT, BUCKET, World, given, until
from tests.transform.world import archive

CONFIG = {"predictor": {"model_name": "mine"}, "methods": {"shap": {}}}


def model(text: str) -> JobModel:
    return JobModel(
        name="Mine",
        image="toy",
        archive=f"s3://{BUCKET}/models/{text}.tar.gz",
        account=ACCOUNT,
        sha256=None,
        environment={"GREETING": "hi"},
        role=None,
    )


def find(_job: Resource, wanted: Analysis) -> JobModel:
    if wanted.endpoint:
        raise DataError(f"predictor.endpoint_name {wanted.endpoint!r}: the role may not use it")
    return model(wanted.model or "")


def image_of(_uri: str) -> Image:
    # `serve`, which is added, is an argument that the toy does not look at.
    return Image(name="toy", version="1", entrypoint=ARGV, purposes=("serve",))


@pytest.fixture
def analysts(world: World) -> Iterator[World]:
    """A world in which models can be asked."""
    world.models = Models(find=find, image_of=image_of, keys_of=lambda _job, _role: NoKeys())
    world.restart()
    for text in ("mine", "broken"):
        content = archive({"text": text.encode()})
        world.objects.put_bytes(S3Uri(BUCKET, f"models/{text}.tar.gz"), content)
    before = set(psutil.Process().children(recursive=True))
    yield world
    assert not set(psutil.Process().children(recursive=True)) - before


def start(world: World, config: Mapping[str, Any] | str, **members: Any) -> asyncio.Task[None]:
    """Start an analysis of a configuration."""
    text = config if isinstance(config, str) else json.dumps(config)
    world.put("config/analysis_config.json", text)
    return world.start(
        "",
        AppSpecification={"ImageUri": "analyst"},
        ProcessingInputs=[given("config", "config/", "/opt/ml/processing/input/config")],
        **members,
    )


async def run(world: World, config: Mapping[str, Any] | str, **members: Any) -> Resource:
    await start(world, config, **members)
    return world.job()


async def test_an_analysis_asks_the_model_beside_it_without_a_network(analysts: World) -> None:
    job = await run(
        analysts,
        CONFIG,
        Environment={"ASK": "1,2"},
        NetworkConfig={"EnableNetworkIsolation": True},
    )
    assert job.status == "Completed", job.observed.get("failure_reason")
    log = analysts.log()
    # One program for each CPU; the model's own lines are in the job's log.
    assert {line for line in log if line.startswith("answer")} == {"answer 200 mine:1,2:text/csv:"}
    assert "files ['text']" in log
    assert any(line.endswith("model 0: loaded mine") for line in log)
    assert not analysts.folder.exists()


async def test_an_object_that_the_configuration_names_is_there(analysts: World) -> None:
    analysts.put("given/baseline.csv", "1,2\n")
    uri = f"s3://{BUCKET}/given/baseline.csv"
    job = await run(analysts, {"methods": {"shap": {"baseline": uri}}})
    assert job.status == "Completed", job.observed.get("failure_reason")
    assert f"{uri} ['1,2\\n']" in analysts.log()


async def test_a_model_that_cannot_be_started_fails_the_job_in_its_words(analysts: World) -> None:
    broken = {**CONFIG, "predictor": {"model_name": "broken"}}
    job = await run(analysts, broken, Environment={"LINGER": "60"})
    assert job.status == "Failed"
    reason = job.observed["failure_reason"]
    assert reason.startswith("ClientError: the model Mine cannot be asked: it ended with exit code")
    assert "this model is broken" in reason


async def test_a_model_that_may_not_be_used_fails_the_job(analysts: World) -> None:
    job = await run(analysts, {**CONFIG, "predictor": {"endpoint_name": "theirs"}})
    expected = "ClientError: predictor.endpoint_name 'theirs': the role may not use it"
    assert job.observed["failure_reason"] == expected


async def test_a_job_that_is_stopped_takes_its_model_with_it(analysts: World) -> None:
    running = start(analysts, CONFIG, Environment={"LINGER": "600"})
    await until((analysts.folder / "algo-1/processing/done").exists)
    analysts.call("StopProcessingJob", ProcessingJobName="job")
    await running
    assert analysts.job().status == "Stopped"


async def test_a_server_that_ends_leaves_no_model_behind(analysts: World) -> None:
    running = start(analysts, CONFIG, Environment={"LINGER": "600"})
    await until((analysts.folder / "algo-1/processing/done").exists)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_configuration_that_is_broken_is_the_programs_to_complain_of(
    analysts: World,
) -> None:
    job = await run(analysts, '{"predictor": {"model_name": "mine"')
    assert job.status == "Completed"
    assert "done" in analysts.log()


async def test_a_configuration_that_is_too_large_is_refused(analysts: World) -> None:
    job = await run(analysts, " " * (4 * 2**20 + 1))
    assert "analysis_config.json has more than 4,194,304 bytes" in job.observed["failure_reason"]
