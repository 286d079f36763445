"""Images of a registry elsewhere, pulled for the jobs and endpoints that name them.

The image holds a toy program, and a Python with XGBoost and Modelyard's own programs, so that it is
also the one that built-in programs run in where a job asks for a container.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.clients.jobs import await_endpoint, await_job, training_request
from tests.clients.test_containers import archive_of, build, builder, log_of, training
from tests.clients.transforms import put
from tests.compute.registry import registry
from tests.container_images import (
    PROGRAM,
    copy_modelyard,
    copy_packages,
    python_root,
    require_buildah,
    write_layout,
)
from tests.live import ROLE, LiveServer

POLARS = ("polars", "_polars_runtime_32")
PACKAGES = ("numpy", "numpy.libs", "scipy", "scipy.libs", "xgboost", "xgboost_cpu.libs", *POLARS)
PULL_SECONDS = 400.0
pytestmark = pytest.mark.timeout(900)
TAG = "modelyard:compute"
ADVISORY = {
    "id": "PYSEC-1",
    "summary": "the mean is too kind",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "toy-mean"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1"}, {"fixed": "1.10"}]}],
        }
    ],
}


@dataclass(frozen=True)
class Place:
    """A server that may pull from one registry."""

    server: LiveServer
    image: str
    digest: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    require_buildah()
    folder = tmp_path_factory.mktemp("pulled")
    root = python_root(folder / "root", ("sh",))
    copy_packages(root, *PACKAGES)
    copy_modelyard(root)
    for name in ("train", "serve"):
        program = root / "usr" / "local" / "bin" / name
        program.write_text(PROGRAM)
        program.chmod(0o755)
    digest = write_layout(root, folder / "layout", {"Env": ["PATH=/usr/local/bin:/bin"]})
    with registry(folder / "layout") as host:
        image = f"{host}/toys/all:1"
        home = folder / "home"
        home.mkdir()
        (folder / "osv").mkdir()
        (folder / "osv" / "toy.json").write_text(json.dumps(ADVISORY))
        (home / "modelyard.toml").write_text(
            f'image_registries = ["{host}"]\nimage_advisories = "{folder}/osv"\n'
            '[instance_prices]\n"ml.m5.large" = 3600.0\n'
            '[accounts.orchestrator]\nid = "123456789012"\n'
            f'compute.image = "{image}"\n'
        )
        server = LiveServer(home).start()
        try:
            yield Place(server, image, f"{host}/toys/all@{digest}")
        finally:
            assert server.stop() == 0, server.log.read_text()


def run(server: LiveServer, arn: str) -> dict[str, Any]:
    """Return how a job was run."""
    printed = server.cli("job-run", arn)
    found: dict[str, Any] = json.loads(printed.stdout)
    return found


def trained(server: LiveServer, name: str, **overrides: Any) -> dict[str, Any]:
    request = training_request(server, name, **overrides)
    server.client("sagemaker").create_training_job(**request)
    job = await_job(server, name, PULL_SECONDS)
    assert job["TrainingJobStatus"] == "Completed", job
    return job


def model_of(server: LiveServer, job: dict[str, Any]) -> bytes:
    """Return the model of a job, from its archive."""
    uri = job["ModelArtifacts"]["S3ModelArtifacts"]
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body = server.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        (member,) = [entry for entry in tar.getmembers() if entry.isfile()]
        file = tar.extractfile(member)
        assert file is not None
        return file.read()


@pytest.mark.slow
def test_a_job_trains_in_an_image_that_is_pulled_for_it_and_an_endpoint_serves(
    place: Place,
) -> None:
    server = place.server
    put(server, "mean/rows.csv", "1\n2\n6\n")
    sagemaker = server.client("sagemaker")
    sagemaker.create_training_job(**training(server, "pulled", place.image))
    job = await_job(server, "pulled", PULL_SECONDS)
    assert job["TrainingJobStatus"] == "Completed", job
    found = run(server, job["TrainingJobArn"])
    assert (found["Compute"], found["ImageDigestUri"]) == ("container", place.digest)
    assert f"pulling {place.image}" in log_of(server, "/aws/sagemaker/TrainingJobs")
    sagemaker.create_model(
        ModelName="pulled",
        PrimaryContainer={
            "Image": place.digest,
            "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"],
        },
        ExecutionRoleArn=ROLE,
    )
    variant = {
        "VariantName": "only",
        "ModelName": "pulled",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    sagemaker.create_endpoint_config(EndpointConfigName="pulled", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="pulled", EndpointConfigName="pulled")
    endpoint = await_endpoint(server, "pulled", PULL_SECONDS)
    assert endpoint["EndpointStatus"] == "InService", endpoint
    runtime = server.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName="pulled", ContentType="text/csv", Body=b"3\n5\n")
    assert answer["Body"].read() == b"0\n2\n"


@pytest.mark.slow
def test_one_xgboost_job_has_equal_results_in_the_sandbox_and_in_a_container(
    place: Place,
) -> None:
    server = place.server
    models, metrics = [], []
    for compute in ("sandbox", "container"):
        job = trained(server, f"xgboost-{compute}", Tags=[{"Key": TAG, "Value": compute}])
        found = run(server, job["TrainingJobArn"])
        assert found["Compute"] == compute
        assert found.get("ImageDigestUri") == (place.digest if compute == "container" else None)
        # At a dollar a second.
        assert found["Usd"] == pytest.approx(found["Seconds"])
        models.append(model_of(server, job))
        metrics.append([(one["MetricName"], one["Value"]) for one in job["FinalMetricDataList"]])
    assert models[0] == models[1]
    assert metrics[0] == metrics[1]
    costs = json.loads(server.cli("costs", "--tag", TAG, "--json").stdout)
    assert {"sandbox", "container"} <= {group["Name"] for group in costs["Groups"]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("image", "value", "said"),
    [
        ("", "moon", "use one of sandbox, container, ray"),
        ("", "ray", "compute.ray.address names no Ray cluster"),
        ("own", "sandbox", "which only a container shows"),
        ("ghcr.io/a/b:1", None, "images pulled from ghcr.io"),
    ],
)
def test_a_job_that_cannot_run_where_it_asks_to_is_refused(
    place: Place, image: str, value: str | None, said: str
) -> None:
    request = training_request(place.server, "refused")
    if image:
        uri = place.image if image == "own" else image
        request["AlgorithmSpecification"]["TrainingImage"] = uri
    if value is not None:
        request["Tags"] = [{"Key": TAG, "Value": value}]
    with pytest.raises(ClientError, match=said):
        place.server.client("sagemaker").create_training_job(**request)


@pytest.mark.slow
def test_an_image_that_is_not_there_fails_its_job_with_the_registrys_words(place: Place) -> None:
    absent = f"{place.image.rpartition(':')[0]}@sha256:{'0' * 64}"
    request = training(place.server, "absent", absent)
    place.server.client("sagemaker").create_training_job(**request)
    job = await_job(place.server, "absent", PULL_SECONDS)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(f"ClientError: the image {absent} cannot be pulled")


@pytest.mark.slow
def test_known_vulnerabilities_are_kept_with_an_image_that_is_built(place: Place) -> None:
    server = place.server
    path = "usr/lib/python3/toy_mean-1.2.dist-info/METADATA"
    files = {
        "Dockerfile": f"FROM scratch\nCOPY METADATA /{path}\n",
        "METADATA": "Metadata-Version: 2.1\nName: toy_mean\nVersion: 1.2\n",
    }
    put(server, "images/kind.zip", archive_of(files))
    _, state = build(server, builder("images/kind.zip", "toys/kind", "kind"))
    assert state["stageStates"][1]["latestExecution"]["status"] == "Succeeded", state
    stack = "mlops-pipeline-kind-byompipelineimagebuilder"
    found = server.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    made = {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}
    bucket, _, key = made["Vulnerabilities"].removeprefix("s3://").partition("/")
    report = json.load(server.client("s3").get_object(Bucket=bucket, Key=key)["Body"])
    assert [one["Id"] for one in report["Vulnerabilities"]] == ["PYSEC-1"]
    image = made["CustomAlgorithmImageURI"]
    printed = server.cli("images", "vulnerabilities", image).stdout.splitlines()
    assert "toy_mean 1.2 (fixed in 1.10): the mean is too kind" in printed[0]
    assert printed[1].startswith("1 known vulnerabilities by 1 advisories")
    software = json.loads(server.cli("images", "software", image).stdout)
    assert software["components"][0]["purl"] == "pkg:pypi/toy-mean@1.2"
