"""A transform job's life, with real programs in the real runtime."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import datetime, timedelta

from modelyard import clock
from tests.transform.world import World, archive, given, output, until


async def test_each_input_has_its_output(world: World) -> None:
    world.put("in/a.csv", "1\n2\n")
    world.put("in/deep/b.csv", "3")
    job = await world.run()
    assert job.status == "Completed", job.observed
    assert world.files("out/") == {"a.csv.out": "2\n3\n", "deep/b.csv.out": "4\n"}
    assert not world.folder.exists()
    described = world.describe()
    assert described["TransformStartTime"] <= described["TransformEndTime"]
    assert any("a.csv: 2 lines transformed" in line for line in world.log())


async def test_one_object_is_an_input_as_well(world: World) -> None:
    world.put("in/a.csv", "1")
    await world.run(TransformInput=given("in/a.csv"))
    assert world.files("out/") == {"a.csv.out": "2\n"}


async def test_a_manifest_names_the_inputs(world: World) -> None:
    for name in ("a", "b/c", "d"):
        world.put(f"in/{name}", "1")
    world.put("manifest.json", json.dumps([{"prefix": "s3://bucket/in/"}, "a", "b/c"]))
    await world.run(TransformInput=given("manifest.json", data_type="ManifestFile"))
    assert sorted(world.files("out/")) == ["a.out", "b/c.out"]


async def test_hosts_share_the_inputs(world: World) -> None:
    for name in "abc":
        world.put(f"in/{name}", "1")
    job = await world.run(TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 2})
    assert job.status == "Completed", job.observed
    assert sorted(world.files("out/")) == ["a.out", "b.out", "c.out"]
    done = {
        host: [line.partition(":")[0] for line in world.log(host) if "transformed in" in line]
        for host in ("algo-1", "algo-2")
    }
    assert done == {"algo-1": ["a", "c"], "algo-2": ["b"]}


async def test_the_program_sees_the_environment_of_model_and_job(world: World) -> None:
    world.models["Mine"] = world.model(
        environment={"SAGEMAKER_OF_MODEL": "m", "SAGEMAKER_OF_BOTH": "m"}
    )
    world.put("in/a", "env")
    await world.run(Environment={"SAGEMAKER_OF_BOTH": "j"}, MaxPayloadInMB=2)
    told = dict(pair.split("=", 1) for pair in world.files("out/")["a.out"].strip().split(";"))
    assert told["SAGEMAKER_OF_MODEL"] == "m"
    assert told["SAGEMAKER_OF_BOTH"] == "j"
    assert told["SAGEMAKER_MAX_PAYLOAD_IN_MB"] == "2"


async def test_a_failing_record_fails_the_job_and_what_is_whole_is_kept(world: World) -> None:
    world.put("in/a", "1")
    world.put("in/b", "1\nx\n")
    job = await world.run()
    assert job.status == "Failed"
    assert world.describe()["FailureReason"] == (
        "ClientError: b, line 2: the model answered 400: row 1 is 'x' and no number, exit code: 1"
    )
    assert world.files("out/") == {"a.out": "2\n"}


async def test_an_input_without_objects_fails_the_job_and_says_so(world: World) -> None:
    await world.run()
    reason = world.describe()["FailureReason"]
    assert reason.startswith("ClientError: TransformInput has no objects under s3://bucket/in/")


async def test_a_registered_archive_must_be_the_registered_one(world: World) -> None:
    world.put("in/a", "1")
    digest = world.put("model.tar.gz", archive({"m": b"registered"}))
    world.models["Mine"] = world.model(sha256=digest)
    world.put("model.tar.gz", archive({"m": b"another"}))
    await world.run()
    assert "was changed after it was registered" in world.describe()["FailureReason"]


async def test_an_archive_that_is_none_is_refused(world: World) -> None:
    world.put("in/a", "1")
    world.put("model.tar.gz", archive({"../out": b"x"}))
    await world.run()
    assert "leads out of the archive's folder" in world.describe()["FailureReason"]


async def test_an_archive_that_is_gone_is_told(world: World) -> None:
    world.put("in/a", "1")
    world.models["Mine"] = world.model(archive="s3://bucket/none.tar.gz")
    await world.run()
    assert "could not find model data at s3://bucket/none" in world.describe()["FailureReason"]


async def test_a_stopped_job_leaves_no_outputs(world: World) -> None:
    world.patience = {"stop_grace_seconds": 0.5}
    world.restart()
    world.put("in/a", "1")
    world.put("in/b", "slow")
    running = world.start()
    await until(lambda: (world.folder / "algo-1/transformed/a.out").exists())
    world.call("StopTransformJob", TransformJobName="job")
    await running
    assert world.describe()["TransformJobStatus"] == "Stopped"
    assert world.files("out/") == {}
    assert not world.folder.exists()


async def test_a_job_that_was_interrupted_goes_on_with_what_is_left(world: World) -> None:
    world.put("in/a", "1")
    world.put("in/b", "slow")
    running = world.start()
    await until(lambda: (world.folder / "algo-1/transformed/a.out").exists())
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    world.put("in/b", "2")
    world.restart()
    await world.workflow.run(world.job().arn)
    assert world.describe()["TransformJobStatus"] == "Completed"
    assert world.files("out/") == {"a.out": "2\n", "b.out": "3\n"}
    assert len([line for line in world.log() if line.startswith("a: ")]) == 1


async def test_what_was_transformed_is_captured_by_the_hour(world: World) -> None:
    world.put("in/a", "1")
    world.put("in/b/c", "x")
    job = await world.run(
        DataCaptureConfig={"DestinationS3Uri": "s3://bucket/captured"},
        TransformOutput=output(S3OutputPath="s3://bucket/out/there"),
    )
    assert job.status == "Failed"
    hour = clock.from_micros(job.observed["worked_until"]).strftime("%Y/%m/%d/%H")
    found = {key: json.loads(text) for key, text in world.files("captured/").items()}
    assert found == {
        f"input/{hour}/job.json": [{"prefix": "s3://bucket/in/"}, "a"],
        f"output/{hour}/job.json": [{"prefix": "s3://bucket/out/there/"}, "a.out"],
    }


async def test_output_records_bear_an_id_and_when_the_job_began(world: World) -> None:
    world.put("in/a", "1\n2")
    job = await world.run(
        DataCaptureConfig={"DestinationS3Uri": "s3://bucket/captured", "GenerateInferenceId": True}
    )
    assert job.status == "Completed", job.observed
    rows = [line.split(",") for line in world.files("out/")["a.out"].splitlines()]
    assert [row[0] for row in rows] == ["2", "3"]
    assert len({str(uuid.UUID(row[1])) for row in rows}) == 2
    [time] = {row[2] for row in rows}
    began = clock.from_micros(job.observed["started"])
    assert abs(datetime.fromisoformat(time) - began) < timedelta(minutes=5)
