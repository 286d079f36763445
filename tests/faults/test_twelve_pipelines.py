"""All twelve pipelines from a clean home, with the server killed between their stages.

The requests are those of the orchestrator's guide, on real data. What is independent of each other
is under way at the same time, so that one kill meets several pipelines, each somewhere else.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import guide
from tests.clients.deliveries import Delivery, Team
from tests.clients.people import DEV, PROD, STAGING
from tests.clients.test_orchestrator import post
from tests.clients.twelve import (
    ROWS,
    Watched,
    account,
    answers_csv,
    booster,
    filling,
    toy_archive,
    until,
    upload,
)
from tests.container_images import require_buildah
from tests.data import breast_cancer
from tests.faults.test_kill import assert_whole
from tests.faults.test_kill_delivery import again
from tests.live import XGBOOST, LiveServer

ACCOUNTS = {"dev": DEV, "staging": STAGING, "prod": PROD}
IN_ONE_ACCOUNT = ("training", "tuner", "autopilot", "image builder")
TOY_MODEL = "models/mean/model.tar.gz"
MONITORS = {
    "byom_data_quality_monitor": "DataQuality",
    "byom_model_quality_monitor": "ModelQuality",
    "byom_model_bias_monitor": "ModelBias",
    "byom_model_explainability_monitor": "ModelExplainability",
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., LiveServer]]:
    """Starts the test's one server, on a clean home."""
    require_buildah()
    made: list[LiveServer] = []

    def start(*options: str) -> LiveServer:
        environment = {"MODELYARD_CAPTURE_FLUSH_SECONDS": "0.2"}
        made.append(LiveServer(tmp_path / "home", environment=environment, options=options).start())
        return made[0]

    yield start
    for server in made:
        assert server.stop() == 0, server.log.read_text()
        assert_whole(server.home)


def killed(server: LiveServer, deliveries: Iterable[Delivery]) -> None:
    """Kill and start the server, once each pipeline has its source, and may have more."""
    for delivery in deliveries:
        await_source(delivery)
    again(server)


def await_source(delivery: Delivery) -> None:
    until(lambda: delivery.statuses()[0] == "Succeeded")


def succeeded(deliveries: Mapping[str, Delivery]) -> None:
    for name, delivery in deliveries.items():
        state = await_rest(delivery)
        assert set(delivery.statuses()) == {"Succeeded"}, (name, json.dumps(state, indent=1))


def await_rest(delivery: Delivery) -> dict[str, Any]:
    """Return a pipeline's state once all its stages have ended well, or one has not."""

    def at_rest() -> dict[str, Any] | None:
        state = delivery.state()
        statuses = [one.get("latestExecution", {}).get("status") for one in state["stageStates"]]
        return state if "Failed" in statuses or set(statuses) == {"Succeeded"} else None

    state: dict[str, Any] = until(at_rest)
    return state


def jobs_completed(deliveries: Mapping[str, Delivery]) -> None:
    """Return once the jobs of pipelines that are deployed have ended well."""
    for name, delivery in deliveries.items():
        jobs = await_jobs(delivery)
        assert {job["status"] for job in jobs} == {"Completed"}, (name, jobs)


def await_jobs(delivery: Delivery) -> list[dict[str, Any]]:
    def ended() -> list[dict[str, Any]] | None:
        jobs: list[dict[str, Any]] = delivery.state().get("jobs", [])
        return jobs if jobs and all(job["status"] != "InProgress" for job in jobs) else None

    jobs: list[dict[str, Any]] = until(ended)
    return jobs


def provision(team: Team, bodies: Mapping[str, guide.Body]) -> dict[str, Delivery]:
    return {name: team.provisioned(body) for name, body in bodies.items()}


def train_and_build(server: LiveServer, team: Team, fill: guide.Filling, folder: Path) -> None:
    """Provision what works in the orchestrator's account only, and lay out what it made."""
    upload(server, fill, folder)
    bodies = guide.bodies(fill)
    bodies["autopilot"]["job_max_candidates"] = "2"
    bodies["training"]["job_name"] = "tumours-training"
    made = provision(team, {name: bodies[name] for name in IN_ONE_ACCOUNT})
    killed(server, made.values())
    succeeded(made)
    jobs_completed({name: one for name, one in made.items() if name != "image builder"})
    s3 = server.client("s3")
    trained = f"{fill.output}/tumours-training/output/model.tar.gz"
    s3.copy_object(
        Bucket=server.bucket,
        Key=fill.artifact,
        CopySource={"Bucket": server.bucket, "Key": trained},
    )
    s3.put_object(Bucket=server.bucket, Key=TOY_MODEL, Body=toy_archive(3.0))
    s3.put_object(
        Bucket=server.bucket, Key=fill.answered, Body=answers_csv(booster(server, fill.artifact))
    )


def model_bodies(fill: guide.Filling) -> dict[str, guide.Body]:
    bodies = guide.models(fill)
    for name in ("realtime custom", "batch custom"):
        bodies[name] |= {"model_artifact_location": TOY_MODEL}
        bodies[name]["model_name"] = "mean"
    bodies["batch custom"]["batch_inference_data"] = fill.at("data/numbers.csv")
    return bodies


def registered_bodies(server: LiveServer, team: Team, fill: guide.Filling) -> dict[str, guide.Body]:
    """Return the bodies that deploy the same models from the registry, where they are put first.

    Who registers does not approve.
    """
    sagemaker = server.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="tumours")
    images = {"builtin": (XGBOOST, fill.artifact), "custom": (fill.image, TOY_MODEL)}
    versions = {
        kind: sagemaker.create_model_package(
            ModelPackageGroupName="tumours",
            InferenceSpecification={
                "Containers": [{"Image": image, "ModelDataUrl": f"s3://{server.bucket}/{key}"}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
            ModelApprovalStatus="PendingManualApproval",
        )["ModelPackageArn"]
        for kind, (image, key) in images.items()
    }
    officer = team.gwen.client("sagemaker")
    for version in versions.values():
        officer.update_model_package(ModelPackageArn=version, ModelApprovalStatus="Approved")
    bodies = {}
    for name, body in model_bodies(fill).items():
        found = guide.registered(body, versions[name.rpartition(" ")[2]])
        found["model_name"] = f"{body['model_name']}-registered"
        found.pop("endpoint_name", None)  # that name is taken: one is made up
        if "batch_job_output_location" in found:
            found["batch_job_output_location"] = fill.at("transformed-registered")
        bodies[f"{name}, registered"] = found
    return bodies


def put_numbers(server: LiveServer, buckets: Iterable[str]) -> None:
    for bucket in buckets:
        s3 = account(server, bucket.rpartition("-")[2]).client("s3")
        s3.put_object(Bucket=bucket, Key="data/numbers.csv", Body="3\n5\n")


def assert_transformed(server: LiveServer, bucket: str, folder: str = "transformed") -> None:
    """Both batch pipelines' answers are there, a line for each row."""
    s3 = account(server, bucket.rpartition("-")[2]).client("s3")
    prefix = f"{folder}/"

    def outputs() -> dict[str, list[str]] | None:
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        found = {
            entry["Key"].rpartition("/")[2]: s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"]
            .read()
            .decode()
            .split()
            for entry in listed
        }
        return found if len(found) == 2 else None

    found = until(outputs)
    assert found["numbers.csv.out"] == ["0", "2"]
    assert len(found["rows.csv.out"]) == ROWS


def inference(server: LiveServer, state: dict[str, Any], payload: str) -> Any:
    url = next(value for name, value in outputs_of(state).items() if "RestApi" in name)
    status, answer = post(
        server, f"{url}inference", {"payload": payload, "content_type": "text/csv"}
    )
    assert status == 200, answer
    return answer


def outputs_of(state: dict[str, Any]) -> dict[str, str]:
    outputs: dict[str, str] = state["stack"]["outputs"]
    return outputs


def assert_watched(watched: Watched, monitors: Mapping[str, dict[str, str]]) -> None:
    """Ask the endpoint, say what is true of it, and have every monitor look at that hour."""
    split = breast_cancer()
    rows = split.test_csv.splitlines()[:ROWS]
    watched.ask(rows)
    watched.label(dict(zip(rows, map(int, split.y_test), strict=False)))
    schedules = {name: watched.look_at_once(outputs) for name, outputs in monitors.items()}
    for name, schedule in schedules.items():
        execution = watched.execution(schedule)
        assert execution["MonitoringExecutionStatus"] in (
            "Completed",
            "CompletedWithViolations",
        ), (name, execution)


def test_all_twelve_in_one_account(start: Callable[..., LiveServer], tmp_path: Path) -> None:
    server = start()
    team = Team(server)
    fill = filling(server.bucket, "tumours")
    train_and_build(server, team, fill, tmp_path / "image")

    put_numbers(server, [server.bucket])
    made = provision(team, {**model_bodies(fill), **registered_bodies(server, team, fill)})
    killed(server, made.values())
    succeeded(made)
    row = breast_cancer().test_csv.splitlines()[0]
    for more in ("", ", registered"):
        assert 0 <= float(inference(server, made[f"realtime builtin{more}"].state(), row)) <= 1
        assert float(inference(server, made[f"realtime custom{more}"].state(), "5")) == 2
    jobs_completed({name: one for name, one in made.items() if name.startswith("batch")})
    assert_transformed(server, server.bucket)
    assert_transformed(server, server.bucket, "transformed-registered")

    bodies = guide.monitors(fill)
    watching = provision(
        team,
        {
            name: bodies[name]
            for name in (
                "data quality",
                "model quality, two classes",
                "bias, two classes",
                "explainability",
            )
        },
    )
    killed(server, watching.values())
    succeeded(watching)
    outputs = {name: outputs_of(one.state()) for name, one in watching.items()}
    assert {one["MonitoringScheduleType"] for one in outputs.values()} == {*MONITORS.values()}
    assert_watched(Watched(account(server, server.bucket[-12:]), server.bucket, "tumours"), outputs)


def through_all_stages(server: LiveServer, team: Team, made: Mapping[str, Delivery]) -> None:
    """Approve from stage to stage, by two people, with a kill ahead of and behind each approval."""
    killed(server, made.values())
    for who, stage, approval in (
        (team.mia, "DeployDev", "DeployStaging"),
        (team.gwen, "DeployStaging", "DeployProd"),
    ):
        for delivery in made.values():
            await_approval(delivery, stage, approval)
        again(server)
        for delivery in made.values():
            delivery.decide(who, stage, approval)
        again(server)
    succeeded(made)


def await_approval(delivery: Delivery, stage: str, approval: str) -> None:
    """Return once a stage is deployed, and waits for a person."""

    def waits() -> bool:
        assert "Failed" not in delivery.statuses(), json.dumps(delivery.state(), indent=1)
        return bool(delivery.action(stage, approval).get("token"))

    until(waits)


def test_all_that_deploy_go_from_dev_to_prod_in_three_accounts(
    start: Callable[..., LiveServer], tmp_path: Path
) -> None:
    server = start("--multi-account")
    team = Team(server)
    buckets = {stage: f"modelyard-assets-{id_}" for stage, id_ in ACCOUNTS.items()}
    fill = filling(buckets, {stage: f"tumours-{stage}" for stage in ACCOUNTS})
    train_and_build(server, team, fill, tmp_path / "image")

    put_numbers(server, buckets.values())
    made = provision(team, model_bodies(fill))
    through_all_stages(server, team, made)
    row = breast_cancer().test_csv.splitlines()[0]
    for id_, stage in zip(ACCOUNTS.values(), ACCOUNTS, strict=True):
        runtime = account(server, id_).client("sagemaker-runtime")
        for endpoint, payload in ((f"tumours-{stage}", row), (f"tumours-{stage}-custom", "5")):
            answer = runtime.invoke_endpoint(
                EndpointName=endpoint, ContentType="text/csv", Body=io.BytesIO(payload.encode())
            )
            float(answer["Body"].read())
        assert_transformed(server, buckets[stage])

    watching = provision(team, guide.monitors(fill))
    through_all_stages(server, team, watching)
    for stage, id_ in ACCOUNTS.items():
        schedules = account(server, id_).client("sagemaker").list_monitoring_schedules()
        types = [one["MonitoringType"] for one in schedules["MonitoringScheduleSummaries"]]
        assert sorted(types) == sorted(MONITORS.values()), stage
    outputs = {
        name: next(s["outputs"] for s in one.state()["stacks"] if s["account"] == PROD)
        for name, one in watching.items()
    }
    assert_watched(Watched(account(server, PROD), buckets["prod"], "tumours-prod"), outputs)
