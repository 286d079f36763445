"""What an event tells of a change, for each kind of resource."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from modelyard.events.changes import Change, upper_snake
from modelyard.events.kinds import EVENT_TYPES, KINDS, told_of
from modelyard.events.texts import TEXTS, text_of
from modelyard.orchestrator.delivery.plan import build_stage, single_stage
from modelyard.orchestrator.delivery.runs import Execution
from tests.events.world import REGION, SCOPE

AT = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


def change(kind: str, status: str, **others: Any) -> Change:
    given: dict[str, Any] = {
        "scope": SCOPE,
        "kind": kind,
        "arn": f"arn:aws:sagemaker:{REGION}:{SCOPE.account}:{kind}/one",
        "name": "one",
        "status": status,
        "spec": {},
        "observed": {},
        "previous_status": None,
        "previously_observed": {},
        "created_at": AT,
        "at": AT,
        "tags": {},
    }
    return Change(**{**given, **others})


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("InService", "IN_SERVICE"),
        ("OutOfService", "OUT_OF_SERVICE"),
        ("Failed", "FAILED"),
        ("UpdateRollbackFailed", "UPDATE_ROLLBACK_FAILED"),
    ],
)
def test_an_endpoints_status_is_told_in_upper_snake_case(status: str, expected: str) -> None:
    (told,) = told_of(change("endpoint", status))
    assert told.type.name == "SageMaker Endpoint State Change"
    assert told.detail["EndpointStatus"] == expected == upper_snake(status)


def test_an_executions_event_tells_what_is_violated_where_how_much_and_since_when() -> None:
    kept = {"What": "completeness_check", "Where": "age", "HowMuch": "80 %", "Since": 7_000_000}
    (told,) = told_of(
        change(
            "monitoring-execution",
            "CompletedWithViolations",
            spec={"MonitoringScheduleName": "hourly", "ScheduledTime": 9_000_000},
            observed={"Violations": [kept], "ViolationCount": 1, "jobs": ["one"]},
        )
    )
    assert told.type.name == "Modelyard Monitoring Execution State Change"
    assert told.detail["Violations"] == [{**kept, "Since": 7_000}]
    assert told.detail["ScheduledTime"] == 9_000
    assert told.detail["MonitoringExecutionStatus"] == "CompletedWithViolations"
    (alert,) = told_of(
        change(
            "monitoring-alert",
            "InAlert",
            spec={"MonitoringAlertName": "hourly", "DatapointsToAlert": 2},
            observed={"Violations": [kept]},
            previous_status="OK",
        )
    )
    assert alert.type.name == "Modelyard Monitoring Alert State Change"
    assert (alert.detail["PreviousAlertStatus"], alert.detail["AlertStatus"]) == ("OK", "InAlert")
    assert text_of({"detail-type": alert.type.name, "detail": alert.detail}) == (
        "The alert of the monitoring schedule - is: InAlert.\n"
        "- age: completeness_check since 1970-01-01T00:00Z. 80 %"
    )


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_detail_holds_no_field_that_patterns_would_be_refused_for(kind: str) -> None:
    observed: dict[str, Any] = {}
    if kind == "delivery":
        observed = {"execution": Execution.new([single_stage("1" * 12, "s", {})]).to_json()}
    for status in ("InProgress", "Deleted"):
        for told in told_of(change(kind, status, observed=observed)):
            assert set(told.detail) <= told.type.keys
            for field, words in told.type.values.items():
                if field in told.detail and status == "Deleted":
                    assert told.detail[field] in words


@pytest.mark.parametrize(
    "name",
    [
        "SageMaker Training Job State Change",
        "SageMaker HyperParameter Tuning Job State Change",
        "SageMaker Transform Job State Change",
        "SageMaker Endpoint State Change",
        "SageMaker Feature Group State Change",
        "SageMaker Model Package State Change",
        "SageMaker Model Building Pipeline Execution Status Change",
        "SageMaker Model Card State Change",
        "SageMaker Processing Job State Change",
    ],
)
def test_the_services_detail_types_are_known(name: str) -> None:
    assert ("aws.sagemaker", name) in EVENT_TYPES


def test_a_version_tells_of_its_approval() -> None:
    observed = {
        "ModelPackageGroupName": "risk",
        "ModelPackageVersion": 3,
        "ModelApprovalStatus": "Approved",
        "ModelPackageStatus": "Completed",
        "ModelLifeCycle": {"Stage": "Staging", "StageStatus": "Approved"},
    }
    (told,) = told_of(change("model-package", "Completed", observed=observed))
    assert {**told.detail, **observed} == told.detail
    envelope = {"detail-type": told.type.name, "detail": told.detail}
    assert text_of(envelope) == (
        "Version 3 of the model package group risk is: Completed, Approved."
    )


def test_a_kind_without_an_entry_has_the_general_shape_without_what_was_observed() -> None:
    (told,) = told_of(
        change("key-alias", "Active", observed={"secret": "x"}, previous_status="Pending")
    )
    assert (told.type.source, told.type.name) == (
        "modelyard",
        "Modelyard Key Alias State Change",
    )
    assert (told.detail["Kind"], told.detail["Name"]) == ("key-alias", "one")
    assert (told.detail["Status"], told.detail["PreviousStatus"]) == ("Active", "Pending")
    assert "secret" not in told.detail


def test_a_pipeline_tells_of_its_execution_and_of_each_action_once() -> None:
    execution = Execution.new([single_stage("1" * 12, "s", {})])
    source = execution.stages[0].actions[0].evolve("Succeeded", summary="v1")
    later = execution.settled("Source", source, {})
    deploy = later.stages[1].actions[0].evolve("Failed", error="no such image")
    begun, published = execution.to_json(), later.to_json()
    ended = later.settled("DeployCloudFormation", deploy, {}).to_json()

    def told(status: str, now: Any, before: Any) -> list[tuple[str, str, str]]:
        previously = {} if before is None else {"execution": before}
        made = told_of(
            change(
                "delivery",
                status,
                observed={"execution": now},
                previously_observed=previously,
            )
        )
        return [
            (one.type.name.split()[1], one.detail.get("action", ""), one.detail["state"])
            for one in made
        ]

    assert told("InProgress", begun, None) == [
        ("Action", "S3Source", "STARTED"),
        ("Stage", "", "STARTED"),
        ("Pipeline", "", "STARTED"),
    ]
    assert told("InProgress", published, begun) == [
        ("Action", "S3Source", "SUCCEEDED"),
        ("Stage", "", "SUCCEEDED"),
        ("Action", "deploy_stack", "STARTED"),
        ("Stage", "", "STARTED"),
    ]
    assert told("Failed", ended, published) == [
        ("Action", "deploy_stack", "FAILED"),
        ("Stage", "", "FAILED"),
        ("Pipeline", "", "FAILED"),
    ]
    newer = Execution.new([single_stage("1" * 12, "s", {})]).to_json()
    assert told("InProgress", newer, published)[0] == ("Pipeline", "", "SUPERSEDED")


def test_what_an_earlier_release_left_is_told_all_the_same() -> None:
    action = {"id": "a", "at": "", "summary": "", "error": "", "external_id": ""}
    early: dict[str, Any] = {
        "id": "e",
        "status": "InProgress",
        "source": {**action, "status": "Succeeded"},
        "deploy": {**action, "id": "b", "status": "InProgress"},
    }
    ended = {**early, "status": "Succeeded", "deploy": {**early["deploy"], "status": "Succeeded"}}
    made = told_of(
        change(
            "delivery",
            "Succeeded",
            observed={"execution": ended},
            previously_observed={"execution": early},
        )
    )
    assert [(one.detail.get("action"), one.detail["state"]) for one in made] == [
        ("deploy_stack", "SUCCEEDED"),
        (None, "SUCCEEDED"),
        (None, "SUCCEEDED"),
    ]


def test_an_image_builders_actions_are_told_as_those_of_any_pipeline() -> None:
    parameters = {"ECRRepoName": "mine", "ImageTag": "v1", "CustomContainer": "image.zip"}
    execution = Execution.new([build_stage("1" * 12, "s", parameters)])
    told = told_of(change("delivery", "InProgress", observed={"execution": execution.to_json()}))
    assert told[0].detail["type"]["category"] == "Source"
    done = execution.going_on({})
    for stage in execution.stages:
        for action in stage.actions:
            ended = action.evolve("Succeeded")
            done = done.settled(stage.name, ended, {})
    made = told_of(
        change(
            "delivery",
            "Succeeded",
            observed={"execution": done.to_json()},
            previously_observed={"execution": execution.to_json()},
        )
    )
    categories = {one.detail["type"]["category"] for one in made if "action" in one.detail}
    assert categories == {"Source", "Build"}
    assert made[-1].detail["state"] == "SUCCEEDED"


def test_an_approval_asks_with_its_own_text() -> None:
    detail = {
        "pipeline": "p",
        "stage": "DeployDev",
        "action": "DeployStaging",
        "state": "STARTED",
        "type": {"category": "Approval"},
        "execution-result": {"external-execution-summary": "Please approve to deploy"},
    }
    envelope = {"detail-type": "CodePipeline Action Execution State Change", "detail": detail}
    assert text_of(envelope) == (
        "Please approve to deploy. The approval DeployStaging waits in the stage DeployDev of the "
        "Pipeline p"
    )


@pytest.mark.parametrize(
    ("kind", "detail", "text"),
    [
        (
            "CodePipeline Pipeline Execution State Change",
            {"pipeline": "p", "state": "SUCCEEDED"},
            "Pipeline p finished executing. Pipeline execution result is SUCCEEDED",
        ),
        (
            "CodePipeline Action Execution State Change",
            {"pipeline": "p", "stage": "DeployDev", "action": "a", "state": "FAILED"},
            "DeployDev action a in the Pipeline p finished executing. "
            "Action execution result is FAILED",
        ),
        (
            "SageMaker HyperParameter Tuning Job State Change",
            {"HyperParameterTuningJobName": "h", "HyperParameterTuningJobStatus": "Stopped"},
            "The hyperparameter training job h status is: Stopped.",
        ),
        (
            "SageMaker Training Job State Change",
            {"TrainingJobName": "t", "TrainingJobStatus": "Failed", "FailureReason": "OOM"},
            "The training job t status is: Failed.\nOOM",
        ),
        ("Order placed", {"n": 1}, 'Order placed: {"n": 1}'),
    ],
)
def test_a_notification_says_what_subscribers_know(
    kind: str, detail: dict[str, Any], text: str
) -> None:
    assert text_of({"detail-type": kind, "detail": detail}) == text


def test_every_wording_is_of_a_detail_type_that_there_is() -> None:
    assert set(TEXTS) <= {name for _, name in EVENT_TYPES}
