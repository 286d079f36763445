"""A training job's life, with real programs in the real runtime."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from modelyard.compute.capacity import Capacity
from modelyard.store.s3_uris import S3Uri
from tests.training.world import BUCKET, World, channel, statuses

WAIT = "echo ready; trap 'echo saving; echo half > /opt/ml/model/m; exit 0' TERM; sleep 1000 & wait"


async def test_a_job_reads_its_channel_and_leaves_a_model(world: World) -> None:
    world.put("train/part-1.csv", "1,2\n")
    world.put("train/deep/part-2.csv", "3,4\n")
    script = """
cd /opt/ml/input/data/train
cat part-1.csv deep/part-2.csv > /opt/ml/model/xgboost-model
echo $0 $TRAINING_JOB_NAME $AWS_REGION $MINE
"""
    job = await world.run(script, InputDataConfig=[channel()], Environment={"MINE": "a b"})
    assert job.status == "Completed", job.observed
    assert statuses(job) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert world.unpacked("out/job/output/model.tar.gz") == {"xgboost-model": b"1,2\n3,4\n"}
    assert world.keys("out/") == ["out/job/output/model.tar.gz"]
    assert job.observed["model"] == f"s3://{BUCKET}/out/job/output/model.tar.gz"
    assert "train job us-east-1 a b" in world.log()
    assert not world.base().parent.exists()
    assert list((world.home / "run").iterdir()) == []


async def test_a_job_finds_its_configuration(world: World) -> None:
    world.put("train/a", "x")
    script = "cd /opt/ml/input/config; for f in *.json; do cat $f; echo; done"
    await world.run(
        script,
        HyperParameters={"num_round": "5", "odd": '"quoted"'},
        InputDataConfig=[channel(ContentType="text/csv", InputMode="FastFile")],
        CheckpointConfig={"S3Uri": f"s3://{BUCKET}/ck", "LocalPath": "/opt/ml/checkpoints/"},
    )
    checkpoints, parameters, channels, resources = [
        json.loads(line) for line in world.log() if line.startswith("{")
    ]
    assert checkpoints == {"S3Uri": f"s3://{BUCKET}/ck", "LocalPath": "/opt/ml/checkpoints"}
    assert parameters == {"num_round": "5", "odd": '"quoted"'}
    assert channels == {
        "train": {
            "ContentType": "text/csv",
            "TrainingInputMode": "File",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
        }
    }
    assert (resources["current_host"], resources["hosts"]) == ("algo-1", ["algo-1"])
    assert resources["current_instance_type"] == "ml.m5.large"


async def test_metrics_are_the_last_values_in_the_log(world: World) -> None:
    script = r"printf '[0]\tvalidation-auc:0.5\n[1]\tvalidation-auc:0.75\nloss=3;\nloss=nan;\n'"
    definitions = [{"Name": "loss", "Regex": "loss=(.*?);"}]
    algorithm = {
        "TrainingImage": "toy",
        "TrainingInputMode": "File",
        "MetricDefinitions": definitions,
    }
    await world.run(script, AlgorithmSpecification=algorithm)
    metrics = world.describe()["FinalMetricDataList"]
    assert {metric["MetricName"]: metric["Value"] for metric in metrics} == {
        "validation:auc": 0.75,
        "loss": 3.0,
    }


async def test_metrics_are_kept_over_time_until_the_job_is_deleted(world: World) -> None:
    script = r"printf '[0]\tvalidation-auc:0.5\n[1]\tvalidation-auc:0.75\n'"
    job = await world.run(script)
    [(metric, points)] = world.series.of(job).items()
    assert metric == "validation:auc"
    assert [(point.step, point.value) for point in points] == [(0, 0.5), (1, 0.75)]
    world.operations.delete_training_job(world.context, {"TrainingJobName": "job"})
    assert world.series.of(job) == {}


async def test_other_results_are_uploaded_where_there_are_any(world: World) -> None:
    script = "mkdir /opt/ml/output/data/plots; echo p > /opt/ml/output/data/plots/a"
    await world.run(script)
    assert world.unpacked("out/job/output/output.tar.gz") == {"plots/a": b"p\n"}
    assert world.unpacked("out/job/output/model.tar.gz") == {}


async def test_results_can_be_left_uncompressed(world: World) -> None:
    output = {"S3OutputPath": f"s3://{BUCKET}/out/", "CompressionType": "NONE"}
    script = "mkdir /opt/ml/model/d; echo 1 > /opt/ml/model/d/a; echo 2 > /opt/ml/output/data/b"
    job = await world.run(script, OutputDataConfig=output)
    assert world.keys("out/") == ["out/job/output/data/b", "out/job/output/model/d/a"]
    assert job.observed["model"] == f"s3://{BUCKET}/out/job/output/model/"


async def test_the_failure_file_is_the_reason(world: World) -> None:
    world.put("train/a", "x")
    script = (
        "echo partial > /opt/ml/output/data/d; echo 'it broke' > /opt/ml/output/failure; exit 3"
    )
    job = await world.run(script, InputDataConfig=[channel()])
    assert (job.status, statuses(job)[-2:]) == ("Failed", ["Uploading", "Failed"])
    assert job.observed["failure_reason"] == "AlgorithmError: it broke, exit code: 3"
    assert world.keys("out/") == ["out/job/output/output.tar.gz"]
    assert "modelyard: AlgorithmError: it broke, exit code: 3" in world.log()


async def test_a_failure_that_names_its_kind_keeps_it(world: World) -> None:
    job = await world.run(
        "echo 'ClientError: eta must be at most 1' > /opt/ml/output/failure; exit 1"
    )
    reason = "ClientError: eta must be at most 1, exit code: 1"
    assert job.observed["failure_reason"] == reason


async def test_without_a_failure_file_the_last_log_lines_are_the_reason(world: World) -> None:
    job = await world.run("for i in $(seq 2000); do echo line $i; done; exit 1")
    reason = job.observed["failure_reason"]
    assert reason.startswith("AlgorithmError: ")
    assert reason.endswith("line 1999\nline 2000, exit code: 1")
    assert len(reason) <= 1024


async def test_a_program_that_was_killed_says_so(world: World) -> None:
    job = await world.run("kill -KILL $$")
    assert (
        "exit code: 137 (ended by SIGKILL, perhaps for want of memory)"
        in (job.observed["failure_reason"])
    )


@pytest.mark.parametrize("uri", [f"s3://{BUCKET}/nothing/", "s3://no-such-bucket/x"])
async def test_a_channel_without_objects_fails_the_job_in_words(world: World, uri: str) -> None:
    job = await world.run(InputDataConfig=[channel(uri=uri)])
    assert statuses(job) == ["Starting", "Downloading", "Failed"]
    assert job.observed["failure_reason"].startswith("ClientError: channel 'train'")
    assert f"no objects under {uri}" in job.observed["failure_reason"]
    assert not world.base().parent.exists()


async def test_the_model_of_another_account_is_not_there(world: World) -> None:
    other = world.stores.of("999999999999")
    other.create_bucket("theirs")
    other.put_bytes(S3Uri("theirs", "train/a"), b"x")
    job = await world.run(InputDataConfig=[channel(uri="s3://theirs/train/")])
    assert job.status == "Failed"


async def test_no_link_that_a_job_leaves_reads_the_servers_files(world: World) -> None:
    home = world.home
    script = f"""
rmdir /opt/ml/output/data
ln -s {home}/credentials /opt/ml/model/stolen
ln -s {home} /opt/ml/output/data
ln -s {home}/credentials /opt/ml/output/failure
rm -rf /opt/ml/checkpoints; ln -s {home} /opt/ml/checkpoints
exit ${{CODE:-0}}
"""
    where: dict[str, Any] = {"CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/ck"}}
    await world.run(script, **where)
    failed = await world.run(script, name="failed", Environment={"CODE": "1"}, **where)
    assert failed.status == "Failed"
    assert "secret" not in failed.observed["failure_reason"]
    assert world.keys() == ["out/job/output/model.tar.gz"]
    assert world.unpacked("out/job/output/model.tar.gz") == {}
    assert any("/opt/ml/model/stolen was not uploaded" in line for line in world.log())


async def test_an_isolated_job_has_no_network(world: World) -> None:
    code = "import socket; print([name for _, name in socket.if_nameindex()])"
    await world.run(f'{sys.executable} -c "{code}"', EnableNetworkIsolation=True)
    assert "['lo']" in world.log()


async def test_entry_point_and_arguments_take_the_images_place(world: World) -> None:
    algorithm = {"TrainingImage": "toy", "TrainingInputMode": "File"}
    whole = {"ContainerEntrypoint": ["/bin/echo", "$HOME"], "ContainerArguments": ["a b", "*"]}
    await world.run(AlgorithmSpecification={**algorithm, **whole})
    assert "$HOME a b *" in world.log()
    script = "echo argument: $0"
    only = {"ContainerArguments": ["evaluate"]}
    await world.run(script, name="other", AlgorithmSpecification={**algorithm, **only})
    assert "argument: evaluate" in world.log("other")


async def test_several_hosts_share_the_work(world: World) -> None:
    for number in range(5):
        world.put(f"train/{number}", str(number))
    script = """
host=$(sed 's/.*current_host": "\\([^"]*\\)".*/\\1/' /opt/ml/input/config/resourceconfig.json)
ls /opt/ml/input/data/train | tr '\\n' ' '
getent hosts algo-1 algo-2
echo $host > /opt/ml/model/common; echo $host > /opt/ml/model/$host
"""
    job = await world.run(
        script,
        InputDataConfig=[channel(S3DataDistributionType="ShardedByS3Key")],
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1},
    )
    assert job.status == "Completed", job.observed
    assert world.log(host="algo-1")[-3].startswith("0 2 4 127.")
    assert world.log(host="algo-2")[0].startswith("1 3 127.")
    assert "algo-2" in world.log(host="algo-2")[1]
    assert world.unpacked("out/job/output/model.tar.gz") == {
        "common": b"algo-1\n",
        "algo-1": b"algo-1\n",
        "algo-2": b"algo-2\n",
    }


async def test_a_host_that_fails_ends_the_others(world: World) -> None:
    script = """
case $(cat /opt/ml/input/config/resourceconfig.json) in
  *'current_host": "algo-2"'*) echo broken; exit 7;;
esac
sleep 1000
"""
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
    job = await world.run(script, ResourceConfig=resources)
    assert job.observed["failure_reason"] == "AlgorithmError: broken, exit code: 7"


async def test_a_job_that_is_stopped_while_it_trains_keeps_what_it_saves(world: World) -> None:
    running = world.start(WAIT)
    await running.until_says("ready")
    world.stop()
    job = await running.end()
    assert (job.status, job.observed["secondary"]) == ("Stopped", "Stopped")
    assert statuses(job)[-4:] == ["Training", "Stopping", "Uploading", "Stopped"]
    assert world.unpacked("out/job/output/model.tar.gz") == {"m": b"half\n"}
    assert world.describe()["ModelArtifacts"]["S3ModelArtifacts"].endswith("model.tar.gz")


async def test_a_stop_is_seen_in_the_row_also_without_the_wake_up(world: World) -> None:
    world.patience = {"poll_seconds": 0.05}
    world.restart()
    running = world.start(WAIT)
    await running.until_says("ready")
    with world.store.write() as transaction:
        transaction.update(transaction.get_by_arn(world.job().arn), status="Stopping")
    assert (await running.end()).status == "Stopped"


async def test_a_program_that_does_not_stop_is_killed_and_its_files_are_kept(
    world: World,
) -> None:
    world.patience = {"stop_grace_seconds": 0.2}
    world.restart()
    running = world.start("trap '' TERM; echo x > /opt/ml/model/m; echo ready; sleep 1000 & wait")
    await running.until_says("ready")
    world.stop()
    job = await running.end()
    assert (job.status, job.observed["outcome"]["codes"]) == ("Stopped", {"algo-1": -9})
    assert world.unpacked("out/job/output/model.tar.gz") == {"m": b"x\n"}


async def test_max_runtime_stops_the_job_and_keeps_what_it_saves(world: World) -> None:
    job = await world.run(WAIT, StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert (job.status, job.observed["secondary"]) == ("Stopped", "MaxRuntimeExceeded")
    assert world.unpacked("out/job/output/model.tar.gz") == {"m": b"half\n"}


async def test_jobs_wait_for_room_and_run_in_the_order_of_their_creation(world: World) -> None:
    world.capacity = Capacity(2, 8.0)
    world.restart()
    first = world.start("echo ready; while [ ! -e /opt/ml/model/go ]; do sleep 0.01; done")
    await first.until_says("ready")
    second = world.start("true", name="second")
    third = world.start("true", name="third")
    await second.until_secondary("Pending")
    await third.until_secondary("Pending")
    (world.base() / "model" / "go").touch()
    await first.end()
    ended = [await second.end(), await third.end()]
    assert [job.status for job in ended] == ["Completed", "Completed"]
    assert statuses(ended[0])[:3] == ["Starting", "Pending", "Downloading"]
    assert ended[0].observed["started"] < ended[1].observed["started"]


async def test_a_job_larger_than_the_machine_runs_and_its_log_says_so(world: World) -> None:
    world.capacity = Capacity(1, 1.0)
    world.restart()
    job = await world.run()
    assert job.status == "Completed"
    assert "ask for 2 vCPUs and 8 GiB, this machine has 1 vCPUs" in world.log()[0]


async def test_a_job_that_is_stopped_while_it_waits_stops_at_once(world: World) -> None:
    world.capacity = Capacity(2, 8.0)
    world.restart()
    first = world.start(WAIT)
    await first.until_says("ready")
    second = world.start(name="second")
    await second.until_secondary("Pending")
    world.stop("second")
    job = await second.end()
    assert statuses(job) == ["Starting", "Pending", "Stopping", "Stopped"]
    assert world.keys("out/second") == []
    world.stop()
    await first.end()


async def test_a_spot_job_that_waits_too_long_for_room_is_stopped(world: World) -> None:
    world.capacity = Capacity(2, 8.0)
    world.restart()
    first = world.start(WAIT)
    await first.until_says("ready")
    limits = {"MaxRuntimeInSeconds": 1, "MaxWaitTimeInSeconds": 1}
    job = await world.run(name="spot", EnableManagedSpotTraining=True, StoppingCondition=limits)
    assert (job.status, job.observed["secondary"]) == ("Stopped", "MaxWaitTimeExceeded")
    world.stop()
    await first.end()


async def test_an_error_of_the_servers_fails_the_job_instead_of_leaving_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("surprise")

    monkeypatch.setattr("modelyard.training.container.write_config", broken)
    job = await world.run()
    assert job.status == "Failed"
    assert job.observed["failure_reason"].startswith("InternalServerError: KeyError: 'surprise'")


async def test_results_that_cannot_be_uploaded_fail_the_job_and_are_still_there(
    world: World,
) -> None:
    running = world.start(
        "echo x > /opt/ml/model/m; echo ready; while [ ! -e /opt/ml/model/go ]; do sleep 0.01; done"
    )
    await running.until_says("ready")
    world.objects.delete_bucket(BUCKET)
    (world.base() / "model" / "go").touch()
    job = await running.end()
    assert job.status == "Failed"
    assert "ClientError: the results cannot be uploaded" in job.observed["failure_reason"]
    assert (world.base() / "model" / "m").exists()
    world.operations.delete_training_job(world.context, {"TrainingJobName": "job"})
    assert not world.base().parent.exists()
