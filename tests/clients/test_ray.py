"""Jobs on a real Ray cluster of two nodes, through boto3."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.clients.autopilot_jobs import autopilot_request, await_autopilot, candidates_of
from tests.clients.jobs import ENDED, await_job, channel, training_request
from tests.clients.transforms import model, outputs, put, transform
from tests.clients.tuning_jobs import await_tuning, trials_of, tuning_request
from tests.compute.contract import living
from tests.data import breast_cancer
from tests.live import ROLE, LiveServer
from tests.ray_cluster import HEAD, WORKER, RayCluster, ray_cluster, until

pytest.importorskip("ray")

#: Starting a cluster, a server and a process per host takes cores that others may have.
pytestmark = pytest.mark.timeout(900)
SECONDS = 400.0

SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
EXCHANGE = "modelyard-exchange-123456789012"
ON_RAY = [{"Key": "modelyard:compute", "Value": "ray"}]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    with ray_cluster(tmp_path_factory.mktemp("ray")) as running:
        yield running


@pytest.fixture(scope="module")
def server(cluster: RayCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    home = tmp_path_factory.mktemp("ray-server") / "home"
    home.mkdir(mode=0o700)
    (home / "modelyard.toml").write_text(
        "[accounts.orchestrator]\n"
        'id = "123456789012"\n'
        f'compute.ray.address = "{cluster.address}"\n'
        f'compute.ray.token_file = "{cluster.token_file}"\n'
    )
    live = LiveServer(home).start()
    yield live
    assert live.stop() == 0, live.log.read_text()


def train(server: LiveServer, job: str, **overrides: Any) -> dict[str, Any]:
    """Run a training job to its end and return its description."""
    server.client("sagemaker").create_training_job(**training_request(server, job, **overrides))
    return await_job(server, job, SECONDS)


def name(text: str) -> str:
    """Return a name for a job, another one in a second try of the same test."""
    return f"{text}-{_TRIES[0]}"


_TRIES = [0]


@pytest.fixture(autouse=True)
def _tries() -> None:
    _TRIES[0] += 1


def model_of(server: LiveServer, job: Mapping[str, Any]) -> bytes:
    """Return the model that a training job made."""
    bucket, _, key = job["ModelArtifacts"]["S3ModelArtifacts"][5:].partition("/")
    body = server.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        member = tar.extractfile("xgboost-model")
        assert member is not None
        return member.read()


def log_of(server: LiveServer, job: str, group: str = "TrainingJobs") -> list[str]:
    """Return the lines of a job's log, of all its hosts."""
    logs = server.client("logs")
    found = logs.filter_log_events(
        logGroupName=f"/aws/sagemaker/{group}", logStreamNamePrefix=f"{job}/"
    )
    return [event["message"] for event in found["events"]]


def test_the_same_job_makes_the_same_model_on_the_cluster_and_in_the_sandbox(
    server: LiveServer,
) -> None:
    here = train(server, name("here"))
    there = train(server, name("there"), Tags=ON_RAY)
    assert there["TrainingJobStatus"] == "Completed", there
    assert model_of(server, there) == model_of(server, here)
    metrics = [
        {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
        for job in (here, there)
    ]
    assert metrics[0] == metrics[1] != {}
    lines = log_of(server, name("there"))
    assert any("runs on the Ray cluster" in line for line in lines)
    # What went through S3 is gone again, and was for nobody else.
    exchange = server.home / "objects" / "123456789012" / EXCHANGE
    assert not any(exchange.iterdir())
    with pytest.raises(ClientError, match="AccessDenied"):
        server.client("s3").list_objects_v2(Bucket=EXCHANGE)


def test_two_hosts_train_one_model_on_two_nodes(server: LiveServer) -> None:
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5}
    halves = {"ResourceConfig": resources, "InputDataConfig": [_sharded(server)]}
    here = train(server, name("two-here"), **halves)
    there = train(server, name("two-there"), Tags=ON_RAY, **halves)
    assert there["TrainingJobStatus"] == "Completed", there
    assert model_of(server, there) == model_of(server, here)
    [placed] = [line for line in log_of(server, name("two-there")) if "runs on the Ray" in line]
    assert HEAD in placed
    assert WORKER in placed


def _sharded(server: LiveServer) -> dict[str, Any]:
    """Upload the data in two files; return a channel that gives each host one."""
    lines = breast_cancer().train_csv.splitlines(keepends=True)
    for number in (0, 1):
        server.client("s3").put_object(
            Bucket=server.bucket, Key=f"halves/{number}.csv", Body="".join(lines[number::2])
        )
    found = channel(f"s3://{server.bucket}/halves/")
    found["DataSource"]["S3DataSource"]["S3DataDistributionType"] = "ShardedByS3Key"
    return found


def test_processing_is_sharded_over_the_nodes(server: LiveServer) -> None:
    for number in range(4):
        put(server, f"parts/{number}.txt", f"{number}\n")
    put(server, "code/double.py", DOUBLE)
    request = {
        "ProcessingJobName": name("doubling"),
        "RoleArn": ROLE,
        "AppSpecification": {
            "ImageUri": SKLEARN,
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/double.py"],
        },
        "ProcessingInputs": [
            processing_input(server, "code", "code/double.py"),
            processing_input(server, "parts", "parts/", S3DataDistributionType="ShardedByS3Key"),
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "doubled",
                    "S3Output": {
                        "S3Uri": f"s3://{server.bucket}/doubled",
                        "LocalPath": "/opt/ml/processing/output",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": "ml.m5.large",
                "InstanceCount": 2,
                "VolumeSizeInGB": 5,
            }
        },
        "Tags": ON_RAY,
    }
    sagemaker = server.client("sagemaker")
    sagemaker.create_processing_job(**request)

    def described() -> dict[str, Any]:
        found: dict[str, Any] = sagemaker.describe_processing_job(
            ProcessingJobName=name("doubling")
        )
        return found

    until(lambda: described()["ProcessingJobStatus"] in ENDED)
    assert described()["ProcessingJobStatus"] == "Completed", described()
    s3 = server.client("s3")
    listed = s3.list_objects_v2(Bucket=server.bucket, Prefix="doubled/")["Contents"]
    doubled = {
        entry["Key"]: s3.get_object(Bucket=server.bucket, Key=entry["Key"])["Body"].read()
        for entry in listed
    }
    assert doubled == {f"doubled/{n}.txt": f"{2 * n}\n".encode() for n in range(4)}
    said = log_of(server, name("doubling"), "ProcessingJobs")
    assert {line for line in said if line.startswith("did")} == {"did 0 2", "did 1 3"}


DOUBLE = """
from pathlib import Path
done = []
for path in sorted(Path("/opt/ml/processing/input/parts").iterdir()):
    done.append(path.stem)
    text = f"{2 * int(path.read_text())}\\n"
    Path("/opt/ml/processing/output", path.name).write_text(text)
print("did", *done)
"""


def processing_input(server: LiveServer, name: str, key: str, **more: str) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": f"s3://{server.bucket}/{key}",
            "LocalPath": f"/opt/ml/processing/input/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            **more,
        },
    }


def test_batch_transform_is_sharded_over_the_nodes_and_keeps_the_order_of_lines(
    server: LiveServer,
) -> None:
    model(server, name("model"))
    lines = breast_cancer().test_csv.splitlines(keepends=True)
    for number in range(3):
        put(server, f"sharded/{number}.csv", "".join(lines[number::3]))
    put(server, "whole/rows.csv", "".join(lines))
    here = transform(server, name("sharded-here"), name("model"), "whole/")
    two = {"InstanceType": "ml.m5.large", "InstanceCount": 2}
    there = transform(
        server,
        name("sharded-there"),
        name("model"),
        "sharded/",
        TransformResources=two,
        Tags=ON_RAY,
    )
    assert here["TransformJobStatus"] == there["TransformJobStatus"] == "Completed", there
    scores = outputs(server, name("sharded-here"))["rows.csv.out"].splitlines()
    parts = outputs(server, name("sharded-there"))
    assert [parts[f"{n}.csv.out"].splitlines() for n in range(3)] == [
        scores[n::3] for n in range(3)
    ]


def test_trials_of_a_tuning_job_are_spread_over_the_nodes(server: LiveServer) -> None:
    request = tuning_request(server, name("spread"), MaxParallelTrainingJobs=3, Tags=ON_RAY)
    server.client("sagemaker").create_hyper_parameter_tuning_job(**request)
    job = await_tuning(server, name("spread"), SECONDS)
    assert job["HyperParameterTuningJobStatus"] == "Completed", job
    names = [trial["TrainingJobName"] for trial in trials_of(server, name("spread"))]
    said = [line for name in names for line in log_of(server, name) if "runs on the Ray" in line]
    assert len(said) == 3
    assert {HEAD, WORKER} == {line.rpartition(" ")[2] for line in said}


def test_an_autopilot_job_searches_on_the_cluster(server: LiveServer) -> None:
    server.client("sagemaker").create_auto_ml_job(
        **autopilot_request(server, name("auto"), Tags=ON_RAY)
    )
    job = await_autopilot(server, name("auto"), SECONDS)
    assert job["AutoMLJobStatus"] == "Completed", job
    assert candidates_of(server, name("auto"))


ENDLESS = {"num_round": "1000000", "objective": "binary:logistic", "eval_metric": "auc"}


def begun(server: LiveServer, job: str) -> bool:
    """Whether a job's program has said anything of its rounds."""
    return any("train-auc" in line for line in log_of(server, job))


def test_a_job_that_is_stopped_leaves_what_it_had_and_no_program(
    server: LiveServer, cluster: RayCluster
) -> None:
    sagemaker = server.client("sagemaker")
    sagemaker.create_training_job(
        **training_request(server, name("stopped"), Tags=ON_RAY, HyperParameters=ENDLESS)
    )
    until(lambda: begun(server, name("stopped")))
    sagemaker.stop_training_job(TrainingJobName=name("stopped"))
    job = await_job(server, name("stopped"), SECONDS)
    assert job["TrainingJobStatus"] == "Stopped"
    assert model_of(server, job)
    until(lambda: nothing_left(cluster))


def test_a_job_that_takes_too_long_is_ended(server: LiveServer, cluster: RayCluster) -> None:
    limit = {"MaxRuntimeInSeconds": 8}
    job = train(server, name("late"), Tags=ON_RAY, HyperParameters=ENDLESS, StoppingCondition=limit)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    until(lambda: nothing_left(cluster))


def test_a_job_that_no_node_can_hold_says_so(server: LiveServer) -> None:
    resources = {"InstanceType": "ml.m5.24xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5}
    job = train(server, name("large"), Tags=ON_RAY, ResourceConfig=resources)
    assert job["TrainingJobStatus"] == "Failed"
    assert "no node of the Ray cluster has 96 vCPUs and 384 GiB" in job["FailureReason"]
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 5, "VolumeSizeInGB": 5}
    job = train(server, name("many"), Tags=ON_RAY, ResourceConfig=resources)
    assert job["TrainingJobStatus"] == "Failed"
    assert "has room for 4 hosts of 2 vCPUs and 8 GiB" in job["FailureReason"]


def test_a_job_of_a_server_that_is_killed_ends_with_it_and_runs_again_with_the_next(
    server: LiveServer, cluster: RayCluster
) -> None:
    rounds = {**ENDLESS, "num_round": "2000"}
    sagemaker = server.client("sagemaker")
    sagemaker.create_training_job(
        **training_request(server, name("survivor"), Tags=ON_RAY, HyperParameters=rounds)
    )
    until(lambda: begun(server, name("survivor")))
    server.kill()
    until(lambda: not living(str(cluster.node_folder)))
    server.start()
    assert await_job(server, name("survivor"), SECONDS)["TrainingJobStatus"] == "Completed"
    until(lambda: nothing_left(cluster))


def test_a_job_whose_node_dies_runs_again_on_another(
    server: LiveServer, cluster: RayCluster
) -> None:
    # Two jobs, as many as fill the head's four vCPUs beside what the worker gets.
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5}
    sagemaker = server.client("sagemaker")
    rounds = {**ENDLESS, "num_round": "3000"}
    sagemaker.create_training_job(
        **training_request(
            server, name("orphan"), Tags=ON_RAY, HyperParameters=rounds, ResourceConfig=resources
        )
    )
    until(lambda: begun(server, name("orphan")))
    cluster.kill_worker()
    cluster.start_worker()
    job = await_job(server, name("orphan"), SECONDS)
    assert job["TrainingJobStatus"] == "Completed", job
    assert any("it is tried again" in line for line in log_of(server, name("orphan")))
    statuses = [change["Status"] for change in job["SecondaryStatusTransitions"]]
    assert "Restarting" in statuses


def nothing_left(cluster: RayCluster) -> bool:
    """Whether no program of a job lives on a node, and none has left files there."""
    return not list(cluster.node_folder.glob("*/jobs/*")) and not living(str(cluster.node_folder))
