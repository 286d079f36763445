"""A processing job's life, with real programs in the real runtime."""

from __future__ import annotations

import asyncio
import json

from tests.processing.world import World, given, outputs, resources, until


async def test_a_job_reads_its_inputs_and_leaves_its_outputs(world: World) -> None:
    world.put("in/a.csv", "1\n")
    world.put("in/deep/b.csv", "2\n")
    job = await world.run(
        "cd /opt/ml/processing; mkdir out/sub; cat in/a.csv in/deep/b.csv > out/sub/all.csv;"
        " echo $MINE $PROCESSING_JOB_NAME > report/r",
        ProcessingInputs=[given()],
        ProcessingOutputConfig=outputs("out", "report"),
        Environment={"MINE": "a b"},
    )
    assert job.status == "Completed", job.observed
    assert world.files("out/") == {"out/sub/all.csv": "1\n2\n", "report/r": "a b job\n"}
    assert not world.folder.exists()
    assert "ExitMessage" not in world.describe()


async def test_a_job_finds_its_configuration(world: World) -> None:
    world.put("in/a", "x")
    await world.run(
        "cat /opt/ml/config/processingjobconfig.json; echo; cat /opt/ml/config/resourceconfig.json",
        ProcessingInputs=[given()],
        ProcessingOutputConfig=outputs("out"),
    )
    config, hosts = [json.loads(line) for line in world.log() if line.startswith("{")]
    assert hosts == {"current_host": "algo-1", "hosts": ["algo-1"]}
    assert config["ProcessingJobArn"] == world.job().arn
    assert config["ProcessingInputs"][0]["S3Input"]["LocalPath"] == "/opt/ml/processing/in"
    assert config["ProcessingOutputConfig"]["KmsKeyId"] is None
    assert config["AppSpecification"]["ContainerArguments"] is None


async def test_hosts_share_what_is_sharded(world: World) -> None:
    for name in "abc":
        world.put(f"in/{name}", name)
    job = await world.run(
        'h=$(sed \'s/.*current_host": "\\([^"]*\\).*/\\1/\' /opt/ml/config/resourceconfig.json);'
        " ls /opt/ml/processing/in > /opt/ml/processing/out/$h",
        ProcessingInputs=[given(S3DataDistributionType="ShardedByS3Key")],
        ProcessingOutputConfig=outputs("out"),
        ProcessingResources=resources(2),
    )
    assert job.status == "Completed", job.observed
    assert world.files("out/out/") == {"algo-1": "a\nc\n", "algo-2": "b\n"}


async def test_an_input_may_lie_in_another(world: World) -> None:
    world.put("in/data.csv", "1")
    world.put("code/run.sh", "ls -R /opt/ml/processing/input")
    job = await world.run(
        "sh /opt/ml/processing/input/code/run.sh",
        ProcessingInputs=[
            given("code", "code/", "/opt/ml/processing/input/code"),
            given("data", "in/", "/opt/ml/processing/input"),
        ],
    )
    assert job.status == "Completed", job.observed
    assert {"data.csv", "run.sh"} <= set(world.log())


async def test_what_a_program_says_at_its_end_is_told(world: World) -> None:
    job = await world.run("echo well done > /opt/ml/output/message")
    assert job.status == "Completed"
    assert world.describe()["ExitMessage"] == "well done\n"


async def test_a_failure_tells_the_message_and_the_code_and_leaves_no_outputs(
    world: World,
) -> None:
    await world.run(
        "echo x > /opt/ml/processing/out/x; echo 'no such column' > /opt/ml/output/message; exit 3",
        ProcessingOutputConfig=outputs("out"),
    )
    described = world.describe()
    assert described["ProcessingJobStatus"] == "Failed"
    assert described["FailureReason"] == "AlgorithmError: no such column, exit code: 3"
    assert described["ExitMessage"] == "no such column\n"
    assert world.files("out/") == {}


async def test_an_input_without_objects_fails_the_job_and_says_so(world: World) -> None:
    await world.run("true", ProcessingInputs=[given(key="nothing/")])
    reason = world.describe()["FailureReason"]
    assert reason.startswith("ClientError: input 'in' has no objects under s3://bucket/nothing/")


async def test_continuous_outputs_are_there_while_the_job_runs(world: World) -> None:
    world.patience = {"checkpoint_seconds": 0.05, "stop_grace_seconds": 0.5}
    world.restart()
    running = world.start(
        "echo first > /opt/ml/processing/out/a; exec sleep 1000",
        ProcessingOutputConfig=outputs("out", mode="Continuous"),
    )
    await until(lambda: world.files("out/out/") == {"a": "first\n"})
    assert world.folder.exists()
    assert world.describe()["ProcessingJobStatus"] == "InProgress"
    world.call("StopProcessingJob", ProcessingJobName="job")
    await running
    assert world.describe()["ProcessingJobStatus"] == "Stopped"


async def test_a_job_that_takes_too_long_is_stopped(world: World) -> None:
    world.patience = {"stop_grace_seconds": 0.5}
    world.restart()
    job = await world.run("exec sleep 1000", StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert (job.status, job.observed["secondary"]) == ("Stopped", "MaxRuntimeExceeded")


async def test_a_job_that_was_interrupted_runs_again(world: World) -> None:
    running = world.start(
        "echo started; test -e /opt/ml/processing/in/go && exit 0; exec sleep 1000",
        ProcessingInputs=[given()],
    )
    world.put("in/wait", "")
    await until(lambda: world.job().observed["secondary"] == "Processing")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    world.put("in/go", "")
    world.restart()
    await world.workflow.run(world.job().arn)
    assert world.describe()["ProcessingJobStatus"] == "Completed"


async def test_arguments_follow_the_images_own_program(world: World) -> None:
    job = await world.run(
        "",
        AppSpecification={"ImageUri": "whole", "ContainerArguments": ["a b", "c"]},
        ProcessingOutputConfig=outputs("out"),
    )
    assert job.status == "Completed", job.observed
    assert world.files("out/") == {"out/said": "a b c\n"}
