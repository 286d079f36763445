"""A small world to look at: a trained model in service, two versions that were measured, people."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.clients.jobs import await_job, deploy, training_request
from tests.clients.people import DEV, ORCHESTRATOR, PROD, STAGING, As, person
from tests.clients.test_orchestrator import post
from tests.data import auc, breast_cancer
from tests.live import XGBOOST, LiveServer

MARKUP = '<b>bold</b> & <script>document.title="broken"</script>'
ACCOUNTS = {"dev": DEV, "staging": STAGING, "prod": PROD}
GROUP, JOB, ENDPOINT = "tumours", "tumours-first", "tumours"


@dataclass(frozen=True, kw_only=True)
class World:
    """What a server has, and who may sign in to it."""

    server: LiveServer
    scientist: As
    officer: As
    delivery: str  # the name of a pipeline that delivers the model, stage by stage

    @property
    def url(self) -> str:
        return self.server.env["AWS_ENDPOINT_URL"]

    @property
    def root(self) -> dict[str, str]:
        return self.server.env


def build(server: LiveServer, *, second: str = MARKUP) -> World:
    """Train, deploy, measure, register twice; the first version is approved, the second waits.

    Args:
        second: how the second version is described.
    """
    scientist = person(server, "dana", ORCHESTRATOR, "data-scientist")
    officer = person(server, "gwen", ORCHESTRATOR, "governance-officer")
    artifact = _train(server)
    delivery = _delivered(server, scientist, artifact)
    deploy(server, ENDPOINT, artifact, capture=f"s3://{server.bucket}/captured")
    answers = _predictions(server)
    sagemaker = scientist.client("sagemaker")
    sagemaker.create_model_package_group(
        ModelPackageGroupName=GROUP,
        ModelPackageGroupDescription="Benign or malignant, from measurements of cell nuclei",
    )
    # A threshold that is too high, and one that is not: two versions that truly differ.
    for number, threshold in ((1, 0.9), (2, 0.5)):
        uri = _measured(server, number, answers, threshold)
        made = sagemaker.create_model_package(
            **_version(artifact, uri, "Benign only above 0.9" if number == 1 else second)
        )
        if number == 1:
            officer.client("sagemaker").update_model_package(
                ModelPackageArn=made["ModelPackageArn"],
                ModelApprovalStatus="Approved",
                ApprovalDescription="Good enough to begin with.",
            )
    return World(server=server, scientist=scientist, officer=officer, delivery=delivery)


def _train(server: LiveServer) -> str:
    held_out = breast_cancer()
    rows = np.column_stack([held_out.y_test, held_out.x_test])
    server.client("s3").put_object(
        Bucket=server.bucket,
        Key="tests/validation.csv",
        Body="\n".join(",".join(map(repr, map(float, row))) for row in rows),
    )
    request = training_request(server, JOB)
    validation: dict[str, Any] = json.loads(json.dumps(request["InputDataConfig"][0]))
    validation["ChannelName"] = "validation"
    source = validation["DataSource"]["S3DataSource"]
    source["S3Uri"] = f"s3://{server.bucket}/tests/validation.csv"
    request["InputDataConfig"].append(validation)
    request["HyperParameters"] |= {"eval_metric": "logloss", "num_round": "60", "eta": "0.15"}
    server.client("sagemaker").create_training_job(**request)
    job = await_job(server, JOB)
    assert job["TrainingJobStatus"] == "Completed", job
    return str(job["ModelArtifacts"]["S3ModelArtifacts"])


def _delivered(server: LiveServer, who: As, artifact: str) -> str:
    """Begin to deliver the model through the accounts; return the pipeline's name."""
    request = {
        "pipeline_type": "byom_realtime_builtin",
        "model_name": "cells",
        "model_framework": "xgboost",
        "model_framework_version": "1.7-1",
        "model_artifact_location": artifact.removeprefix(f"s3://{server.bucket}/"),
        "inference_instance": "ml.m5.large",
        "data_capture_location": {
            stage: f"modelyard-assets-{account}/captured" for stage, account in ACCOUNTS.items()
        },
        "endpoint_name": {stage: f"cells-{stage}" for stage in ACCOUNTS},
    }
    token = who.exports["MODELYARD_TOKEN"]
    status, answer = post(server, "/provisionpipeline", request, token=token)
    assert status == 200, answer
    _, state = post(server, "/pipelinestatus", {"pipeline_id": answer["pipeline_id"]})
    return str(state["pipelineName"])


def _predictions(server: LiveServer) -> list[float]:
    runtime = server.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(
        EndpointName=ENDPOINT, ContentType="text/csv", Body=breast_cancer().test_csv
    )
    text = answer["Body"].read().decode()
    return [float(value) for value in text.replace("\n", ",").split(",") if value]


def _measured(server: LiveServer, number: int, answers: list[float], threshold: float) -> str:
    labels = breast_cancer().y_test
    said = np.array(answers) > threshold
    counts = {
        str(actual): {
            str(told): int(((labels == actual) & (said == bool(told))).sum()) for told in (0, 1)
        }
        for actual in (0, 1)
    }
    cuts = np.linspace(1, 0, 41)
    report = {
        "binary_classification_metrics": {
            "accuracy": {"value": float((said == labels).mean())},
            "auc": {"value": auc(labels, answers)},
            "confusion_matrix": counts,
            "receiver_operating_characteristic_curve": {
                "false_positive_rates": [
                    float((np.array(answers)[labels == 0] >= cut).mean()) for cut in cuts
                ],
                "true_positive_rates": [
                    float((np.array(answers)[labels == 1] >= cut).mean()) for cut in cuts
                ],
            },
        }
    }
    key = f"reports/quality-{number}.json"
    server.client("s3").put_object(Bucket=server.bucket, Key=key, Body=json.dumps(report))
    return f"s3://{server.bucket}/{key}"


def _version(artifact: str, quality: str, description: str) -> dict[str, Any]:
    card = {
        "model_overview": {"model_description": "Benign or malignant"},
        "intended_uses": {
            "purpose_of_model": "A second opinion",
            "intended_uses": "By pathologists, beside their own",
            "risk_rating": "High",
        },
    }
    return {
        "ModelPackageGroupName": GROUP,
        "ModelPackageDescription": description,
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [{"Image": XGBOOST, "ModelDataUrl": artifact}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        "ModelMetrics": {
            "ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": quality}}
        },
        "CustomerMetadataProperties": {"integration_tests": "passed"},
        "ModelCard": {"ModelCardStatus": "Draft", "ModelCardContent": json.dumps(card)},
    }
