"""Deliveries through three accounts, over toy capabilities."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError

from modelyard.operations.context import Context
from modelyard.operations.errors import AccessDenied, OperationError
from modelyard.orchestrator.delivery import pipeline as rows
from modelyard.orchestrator.errors import BadRequest
from modelyard.orchestrator.planning import StageAccount
from modelyard.store.resources import Scope
from modelyard.store.s3_uris import S3Uri
from tests.orchestrator.platform import ASSETS, IMAGE, REALTIME, training
from tests.orchestrator.stages import (
    ACCOUNTS,
    DANA,
    DEV,
    GWEN,
    MIA,
    PROD,
    STAGING,
    TESTS,
    Stages,
    staged,
)
from tests.orchestrator.test_monitor_requests import monitor
from tests.orchestrator.world import ACCOUNT, REGION, caller, new_store


@pytest.fixture
def stages(tmp_path: Path) -> Iterator[Stages]:
    with new_store() as store:
        made = Stages(store, tmp_path)
        made.upload("data/train.csv", "models/model.tar.gz", "models/new.tar.gz")
        yield made


def problems(stages: Stages, body: dict[str, Any]) -> list[str]:
    with pytest.raises(BadRequest) as caught:
        stages.service.provision(DANA, body)
    assert stages.find_stack(f"{REALTIME}-codepipeline") is None
    return caught.value.problems


def archive_in(stages: Stages, stage: str) -> str:
    """Return the key of the archive that a stage's stack was deployed with."""
    unique = stages.id.rpartition("/")[2][:8]
    with stages.store.read() as snapshot:
        scope = Scope(account=ACCOUNTS[stage], region=REGION)
        stack = snapshot.get(scope, "stack", f"{REALTIME}-{stage}-{unique}")
    return str(stack.spec["parameters"]["ModelArtifactLocation"])


def said(error: pytest.ExceptionInfo[OperationError]) -> tuple[str, str]:
    return error.value.code, error.value.message


async def test_a_delivery_stops_for_a_person_ahead_of_staging_and_of_prod(stages: Stages) -> None:
    name = await stages.deliver()
    assert stages.statuses(name) == ["Succeeded", "InProgress", None, None]
    assert stages.queue.waiting() == {}  # what waits is a row
    approval = stages.action(name, "DeployDev", "DeployStaging")
    assert approval["status"] == "InProgress"
    assert approval["summary"] == "Please approve to deploy to staging account"
    await stages.decide(MIA, name, "DeployDev", "DeployStaging")
    approval = stages.action(name, "DeployStaging", "DeployProd")
    assert approval["summary"] == "Please approve to deploy to production account"
    assert stages.toys.names("endpoint") == ["churn-dev", "churn-staging"]
    await stages.decide(GWEN, name, "DeployStaging", "DeployProd")
    assert stages.statuses(name) == ["Succeeded"] * 4
    assert stages.toys.names("endpoint") == ["churn-dev", "churn-prod", "churn-staging"]


async def test_each_stage_is_deployed_by_the_pipeline_role_of_its_account(stages: Stages) -> None:
    name = await stages.deliver()
    await stages.to_prod(name)
    unique = stages.id.rpartition("/")[2][:8]
    for stage, account in ACCOUNTS.items():
        with stages.store.read() as snapshot:
            scope = Scope(account=account, region=REGION)
            stack = snapshot.get(scope, "stack", f"{REALTIME}-{stage}-{unique}")
        principal = stack.spec["principal"]
        assert principal["role"] == f"arn:aws:iam::{account}:role/pipeline-role"
        assert principal["person"] == DANA.principal.arn
        assert stack.spec["parameters"]["EndpointName"] == f"churn-{stage}"
    hub = f"arn:aws:sts::{ACCOUNT}:assumed-role/pipeline-role/delivery-dana"
    assert {who for who, _ in stages.roles.assumed} == {hub}


async def test_the_archive_has_a_file_of_parameters_for_each_stage(stages: Stages) -> None:
    await stages.deliver()
    key = f"mlops_provisioned_pipelines/{REALTIME}/template.zip"
    data = stages.objects.of(ACCOUNT).get(S3Uri(ASSETS, key))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert sorted(archive.namelist()) == [
            "byom_realtime_inference_pipeline.yaml",
            "dev_template_params.json",
            "prod_template_params.json",
            "staging_template_params.json",
        ]
        parameters = json.loads(archive.read("prod_template_params.json"))
    assert {"ParameterKey": "EndpointName", "ParameterValue": "churn-prod"} in parameters


async def test_what_was_tested_in_dev_is_what_the_other_stages_get(stages: Stages) -> None:
    name = await stages.deliver()
    stages.put("models/model.tar.gz", b"somebody else's")
    await stages.decide(MIA, name, "DeployDev", "DeployStaging")
    deploy = stages.action(name, "DeployStaging", "DeployStagingStackSet")
    assert deploy["status"] == "Failed"
    assert (
        "is not what it was when the pipeline was provisioned"
        in (deploy["errorDetails"]["message"])
    )
    assert stages.keys(STAGING) == []


async def test_training_stays_in_the_orchestrators_account(stages: Stages) -> None:
    answer = stages.service.provision(DANA, training())
    await stages.run()
    state = stages.state(answer["pipeline_id"])
    names = [stage["stageName"] for stage in state["stageStates"]]
    assert names == ["Source", "DeployCloudFormation"]
    assert "stacks" not in state


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"endpoint_name": {"dev": "a", "prod": "b"}},
            "Bad request. endpoint_name: has no value for the stage staging: give one for each of "
            "dev, staging, prod, or one value for all",
        ),
        (
            {"endpoint_name": {"dev": "a", "staging": "b", "prod": "c", "qa": "d"}},
            "Bad request. endpoint_name: has values for qa, and the stages are dev, staging, prod: "
            "leave them out",
        ),
        (
            {"data_capture_location": {"dev": "assets/x", "staging": "assets", "prod": "none/x"}},
            "Bad request. data_capture_location: there is no bucket 'none': create it first (in "
            "the stage prod)",
        ),
        (
            {"inference_instance": "large"},
            "Bad request. inference_instance: 'large' must have at least 7 characters",
        ),
    ],
)
def test_a_bad_value_of_a_stage_is_named_with_it(
    stages: Stages, changes: dict[str, Any], expected: str
) -> None:
    (found,) = problems(stages, staged(**changes))
    assert found.startswith(expected)
    assert found.count("in the stage") == expected.count("in the stage")


def test_all_problems_of_all_stages_are_said_at_once(stages: Stages) -> None:
    stages.roles.closed.add(PROD)
    found = problems(
        stages,
        staged(
            model_framework=...,
            inference_instance={"dev": "ml.m5.large"},
            data_capture_location={"dev": "nowhere/y", "staging": "assets/x", "prod": "assets/x"},
        ),
    )
    assert found[0].endswith("necessary parameter: model_framework")
    assert "staging and prod" in found[1]
    assert found[2].endswith("there is no bucket 'nowhere': create it first (in the stage dev)")
    assert problems(stages, staged()) == [
        f"Bad request. prod: arn:aws:iam::{PROD}:role/pipeline-role: its trust policy does not let "
        "you"
    ]


async def test_neither_the_author_nor_a_stranger_approves(stages: Stages) -> None:
    name = await stages.deliver()
    with pytest.raises(AccessDenied) as caught:
        await stages.decide(DANA, name, "DeployDev", "DeployStaging")
    assert "provisioned" in caught.value.message
    with pytest.raises(AccessDenied) as caught:
        await stages.decide(caller("user/eve"), name, "DeployDev", "DeployStaging")
    assert "by the approval policy these may: governance-officer, ml-engineer" in (
        caught.value.message
    )
    await stages.decide(MIA, name, "DeployDev", "DeployStaging")
    with pytest.raises(AccessDenied, match="the stage Production"):
        await stages.decide(MIA, name, "DeployStaging", "DeployProd")
    assert stages.statuses(name) == ["Succeeded", "Succeeded", "InProgress", None]


async def test_an_approval_holds_once_and_with_its_own_token_only(stages: Stages) -> None:
    name = await stages.deliver()
    token = stages.action(name, "DeployDev", "DeployStaging")["token"]
    with pytest.raises(OperationError) as caught:
        await stages.decide(
            MIA, name, "DeployDev", "DeployStaging", token="1a2b3c4d-0000-0000-0000-000000000000"
        )
    assert said(caught)[0] == "InvalidApprovalTokenException"
    await stages.decide(MIA, name, "DeployDev", "DeployStaging")
    with pytest.raises(OperationError) as caught:
        await stages.decide(GWEN, name, "DeployDev", "DeployStaging", token=token)
    code, message = said(caught)
    assert code == "ApprovalAlreadyCompletedException"
    assert f"Approved by {MIA.principal.arn}: said why" in message


async def test_a_rejection_ends_the_run_and_nothing_approves_it_after_that(stages: Stages) -> None:
    name = await stages.deliver()
    token = stages.action(name, "DeployDev", "DeployStaging")["token"]
    await stages.decide(MIA, name, "DeployDev", "DeployStaging", "Rejected")
    assert stages.statuses(name) == ["Succeeded", "Failed", None, None]
    message = stages.action(name, "DeployDev", "DeployStaging")["errorDetails"]["message"]
    assert message == f"Rejected by {MIA.principal.arn}: said why"
    with pytest.raises(OperationError) as caught:
        await stages.decide(GWEN, name, "DeployDev", "DeployStaging", token=token)
    assert said(caught)[0] == "ApprovalAlreadyCompletedException"
    # It can be asked for once more.
    stages.ask(
        MIA,
        "RetryStageExecution",
        pipelineName=name,
        stageName="DeployDev",
        pipelineExecutionId=stages.execution(name, "DeployDev"),
        retryMode="FAILED_ACTIONS",
    )
    await stages.run()
    assert stages.action(name, "DeployDev", "DeployStaging")["token"] != token


async def test_the_author_may_withdraw(stages: Stages) -> None:
    name = await stages.deliver()
    await stages.decide(DANA, name, "DeployDev", "DeployStaging", "Rejected")
    assert stages.statuses(name) == ["Succeeded", "Failed", None, None]


async def test_a_newer_request_supersedes_the_run_that_waits(stages: Stages) -> None:
    name = await stages.deliver()
    first = stages.execution(name, "DeployDev")
    token = stages.action(name, "DeployDev", "DeployStaging")["token"]
    await stages.deliver(model_artifact_location="models/new.tar.gz")
    second = stages.execution(name, "DeployDev")
    with pytest.raises(OperationError) as caught:
        await stages.decide(MIA, name, "DeployDev", "DeployStaging", token=token)
    code, message = said(caught)
    assert code == "ApprovalAlreadyCompletedException"
    assert f"superseded by the execution {second}" in message
    runs = stages.ask(DANA, "ListPipelineExecutions", pipelineName=name)
    assert [
        (run["pipelineExecutionId"], run["status"]) for run in runs["pipelineExecutionSummaries"]
    ] == [(second, "InProgress"), (first, "Superseded")]
    await stages.to_prod(name)
    assert stages.statuses(name) == ["Succeeded"] * 4


async def test_a_stage_stays_as_it_is_while_a_newer_run_waits(stages: Stages) -> None:
    name = await stages.deliver()
    await stages.to_prod(name)
    first = stages.execution(name, "DeployProd")
    await stages.deliver(model_artifact_location="models/new.tar.gz")
    assert stages.statuses(name) == ["Succeeded", "InProgress", "Succeeded", "Succeeded"]
    assert stages.execution(name, "DeployProd") == first != stages.execution(name, "DeployDev")


async def test_several_approvals_may_be_needed(
    stages: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = {"Stages": ["*"], "Personas": ["ml-engineer", "governance-officer"]}
    two = {"Rules": [{**rule, "RequiredApprovals": 2}]}
    monkeypatch.setattr(
        "modelyard.registry.approvals.policy_of", lambda _snapshot, _scope, _group: (two, "Account")
    )
    name = await stages.deliver()
    token = stages.action(name, "DeployDev", "DeployStaging")["token"]
    await stages.decide(MIA, name, "DeployDev", "DeployStaging")
    assert stages.action(name, "DeployDev", "DeployStaging")["summary"].endswith("1 of 2")
    with pytest.raises(OperationError, match="has approved"):
        await stages.decide(MIA, name, "DeployDev", "DeployStaging")
    await stages.decide(GWEN, name, "DeployDev", "DeployStaging", token=token)
    assert stages.statuses(name) == ["Succeeded", "Succeeded", "InProgress", None]


async def test_an_account_that_lets_nobody_in_is_told_of_and_can_be_retried(
    stages: Stages,
) -> None:
    name = await stages.deliver()
    stages.roles.closed.add(STAGING)
    await stages.decide(MIA, name, "DeployDev", "DeployStaging")
    assert stages.statuses(name) == ["Succeeded", "Succeeded", "Failed", None]
    deploy = stages.action(name, "DeployStaging", "DeployStagingStackSet")
    assert deploy["errorDetails"]["message"].startswith(
        f"the account {STAGING} (staging) cannot be deployed to: AccessDenied"
    )
    retry = {
        "pipelineName": name,
        "stageName": "DeployStaging",
        "pipelineExecutionId": stages.execution(name, "DeployStaging"),
        "retryMode": "FAILED_ACTIONS",
    }
    stages.roles.closed.clear()
    stages.ask(MIA, "RetryStageExecution", **retry)
    await stages.run()
    assert stages.statuses(name) == ["Succeeded", "Succeeded", "InProgress", None]
    with pytest.raises(OperationError) as caught:
        stages.ask(MIA, "RetryStageExecution", **retry)
    assert said(caught)[0] == "StageNotRetryableException"


async def test_an_account_of_aws_without_credentials_is_told_of_and_can_be_retried(
    stages: Stages,
) -> None:
    stages.accounts["prod"] = StageAccount(id=PROD, provider="aws")

    def elsewhere(context: Context, _service: str) -> Any:
        if context.account == PROD:
            raise NoCredentialsError
        return None

    stages.elsewhere = elsewhere
    name = await stages.deliver(
        data_capture_location={**dict.fromkeys(ACCOUNTS, "assets/x"), "prod": "theirs/x"}
    )
    await stages.to_prod(name)
    assert stages.statuses(name) == ["Succeeded", "Succeeded", "Succeeded", "Failed"]
    deploy = stages.action(name, "DeployProd", "DeployProdStackSet")
    assert "NoCredentialsError: Unable to locate credentials" in deploy["errorDetails"]["message"]
    assert "then retry the stage DeployProd" in deploy["errorDetails"]["message"]


async def test_an_account_that_is_out_of_reach_is_waited_for_and_said_to_be(
    stages: Stages,
) -> None:
    stages.accounts["prod"] = StageAccount(id=PROD, provider="aws")
    tries: list[str] = []

    def elsewhere(context: Context, _service: str) -> Any:
        if context.account != PROD:
            return None
        tries.append(context.account)
        if len(tries) < 3:
            raise EndpointConnectionError(endpoint_url="https://sagemaker.example")
        said_meanwhile.append(stages.action(name, "DeployProd", "DeployProdStackSet")["summary"])
        raise NoCredentialsError  # it answers again, and refuses

    said_meanwhile: list[str] = []
    stages.elsewhere = elsewhere
    name = await stages.deliver(
        data_capture_location={**dict.fromkeys(ACCOUNTS, "assets/x"), "prod": "theirs/x"}
    )
    await stages.to_prod(name)
    assert len(tries) == 3
    assert f"Waiting: the account {PROD} (prod) cannot be reached" in said_meanwhile[0]
    assert stages.statuses(name) == ["Succeeded", "Succeeded", "Succeeded", "Failed"]


async def test_waiting_for_an_account_ends_when_the_run_is_stopped(stages: Stages) -> None:
    stages.accounts["prod"] = StageAccount(id=PROD, provider="aws")
    asked: list[str] = []

    def elsewhere(context: Context, _service: str) -> Any:
        if context.account != PROD:
            return None
        if not asked:
            asked.append(context.account)
            run = stages.execution(name, "DeployProd")
            stages.ask(MIA, "StopPipelineExecution", pipelineName=name, pipelineExecutionId=run)
        raise EndpointConnectionError(endpoint_url="https://sagemaker.example")

    stages.elsewhere = elsewhere
    name = await stages.deliver(
        data_capture_location={**dict.fromkeys(ACCOUNTS, "assets/x"), "prod": "theirs/x"}
    )
    await stages.to_prod(name)
    failed = stages.action(name, "DeployProd", "DeployProdStackSet")
    assert failed["status"] == "Failed"
    assert "cannot be reached" in failed["errorDetails"]["message"]


async def test_of_two_first_deliveries_of_a_model_one_supersedes_the_other(
    stages: Stages,
) -> None:
    answers = await asyncio.gather(
        *(asyncio.to_thread(stages.service.provision, who, staged()) for who in (DANA, MIA))
    )
    await stages.run()
    assert len({answer["pipeline_id"] for answer in answers}) == 1
    assert sorted(answer["message"].split()[0] for answer in answers) == ["Pipeline", "success:"]
    name = stages.state(answers[0]["pipeline_id"])["pipelineName"]
    assert stages.statuses(name) == ["Succeeded", "InProgress", None, None]
    runs = stages.ask(DANA, "ListPipelineExecutions", pipelineName=name)
    assert [run["status"] for run in runs["pipelineExecutionSummaries"]] == [
        "InProgress",
        "Superseded",
    ]


async def test_what_is_being_deleted_is_not_approved_any_more(stages: Stages) -> None:
    name = await stages.deliver()
    token = stages.action(name, "DeployDev", "DeployStaging")["token"]
    stages.service.delete(DANA, {"pipeline_id": stages.id})
    with pytest.raises(OperationError) as caught:
        await stages.decide(MIA, name, "DeployDev", "DeployStaging", token=token)
    code, message = said(caught)
    assert code == "ApprovalAlreadyCompletedException"
    assert "the pipeline is being deleted" in message
    await stages.run()
    assert stages.toys.things == {}


async def test_a_run_that_waits_is_stopped_at_once(stages: Stages) -> None:
    name = await stages.deliver()
    run = {"pipelineName": name, "pipelineExecutionId": stages.execution(name, "DeployDev")}
    stages.ask(MIA, "StopPipelineExecution", **run, reason="not today")
    assert stages.statuses(name) == ["Succeeded", "Stopped", None, None]
    assert stages.action(name, "DeployDev", "DeployStaging")["status"] == "Abandoned"
    found = stages.ask(MIA, "GetPipelineExecution", **run)["pipelineExecution"]
    assert found["status"] == "Stopped"
    assert found["statusSummary"] == f"stopped by {MIA.principal.arn}: not today"
    with pytest.raises(OperationError) as caught:
        stages.ask(MIA, "StopPipelineExecution", **run)
    assert said(caught)[0] == "PipelineExecutionNotStoppableException"


async def test_a_run_at_work_stops_once_its_action_has_ended(stages: Stages) -> None:
    answer = stages.service.provision(DANA, staged())
    name = stages.state(answer["pipeline_id"])["pipelineName"]
    run = {"pipelineName": name, "pipelineExecutionId": stages.execution(name, "Source")}
    stages.ask(MIA, "StopPipelineExecution", **run)
    with pytest.raises(OperationError) as caught:
        stages.ask(MIA, "StopPipelineExecution", **run)
    assert said(caught)[0] == "DuplicatedStopRequestException"
    await stages.run()
    assert stages.statuses(name) == ["Succeeded", None, None, None]
    found = stages.ask(MIA, "GetPipelineExecution", **run)["pipelineExecution"]
    assert found["status"] == "Stopped"


async def test_a_stage_goes_back_to_what_ran_there_before(stages: Stages) -> None:
    name = await stages.deliver()
    await stages.to_prod(name)
    first = stages.execution(name, "DeployProd")
    archive = archive_in(stages, "prod")
    await stages.deliver(model_artifact_location="models/new.tar.gz")
    await stages.to_prod(name)
    assert archive_in(stages, "prod").endswith("/new.tar.gz")
    second = stages.execution(name, "DeployProd")
    staging = stages.execution(name, "DeployStaging")

    request = {"pipelineName": name, "stageName": "DeployProd"}
    with pytest.raises(OperationError) as caught:
        stages.ask(GWEN, "RollbackStage", **request, targetPipelineExecutionId=DANA.request_id)
    assert said(caught)[0] == "PipelineExecutionNotFoundException"
    answer = stages.ask(GWEN, "RollbackStage", **request, targetPipelineExecutionId=first)
    await stages.run()
    assert stages.statuses(name) == ["Succeeded"] * 4
    assert stages.execution(name, "DeployProd") == answer["pipelineExecutionId"]
    assert stages.execution(name, "DeployStaging") == staging
    assert archive_in(stages, "prod") == archive
    assert archive_in(stages, "staging").endswith("/new.tar.gz")
    runs = stages.ask(
        DANA,
        "ListPipelineExecutions",
        pipelineName=name,
        filter={"succeededInStage": {"stageName": "DeployProd"}},
    )["pipelineExecutionSummaries"]
    assert [(run["pipelineExecutionId"], run["executionType"]) for run in runs] == [
        (answer["pipelineExecutionId"], "ROLLBACK"),
        (second, "STANDARD"),
        (first, "STANDARD"),
    ]


async def test_a_stage_does_not_go_back_to_what_never_ran_there(stages: Stages) -> None:
    name = await stages.deliver()
    with pytest.raises(OperationError) as caught:
        stages.ask(
            MIA,
            "RollbackStage",
            pipelineName=name,
            stageName="DeployProd",
            targetPipelineExecutionId=stages.execution(name, "DeployDev"),
        )
    assert said(caught)[0] == "UnableToRollbackStageException"


async def test_the_newest_source_can_be_delivered_once_more(stages: Stages) -> None:
    name = await stages.deliver()
    first = stages.execution(name, "DeployDev")
    answer = stages.ask(MIA, "StartPipelineExecution", name=name)
    await stages.run()
    assert stages.execution(name, "DeployDev") == answer["pipelineExecutionId"] != first
    assert stages.statuses(name) == ["Succeeded", "InProgress", None, None]


async def test_a_pipeline_is_deleted_from_prod_to_dev(stages: Stages) -> None:
    name = await stages.deliver()
    await stages.to_prod(name)
    stacks = stages.state(stages.id)["stacks"]
    answer = stages.service.delete(DANA, {"pipeline_id": stages.id})
    copies = [one for one in answer["retained"] if "realtimebuiltin/assets/" in one]
    assert len(copies) == 3
    await stages.run()
    with stages.store.read() as snapshot:
        ended = [snapshot.history(stack["stackId"])[-1].at for stack in stacks]
    assert ended[2] < ended[1] < ended[0]
    assert stages.toys.things == {}
    with pytest.raises(OperationError) as caught:
        stages.ask(DANA, "GetPipelineState", name=name)
    assert said(caught)[0] == "PipelineNotFoundException"


async def test_a_deletion_says_which_account_lets_nobody_in(stages: Stages) -> None:
    name = await stages.deliver()
    await stages.decide(MIA, name, "DeployDev", "DeployStaging")
    stages.roles.closed.add(DEV)
    stages.service.delete(DANA, {"pipeline_id": stages.id})
    await stages.run()
    stack = stages.stack_named(f"{REALTIME}-codepipeline")
    assert stack.status == "DELETE_FAILED"
    assert DEV in stack.observed["reason"]
    assert stages.toys.names("endpoint") == ["churn-dev"]
    with pytest.raises(OperationError) as caught:
        stages.ask(DANA, "StartPipelineExecution", name=name)
    assert said(caught)[0] == "ConflictException"


async def test_what_was_provisioned_for_other_accounts_is_deleted_first(stages: Stages) -> None:
    await stages.deliver()
    stages.accounts.pop("prod")
    with pytest.raises(BadRequest, match="delete it, then provision it anew"):
        stages.service.provision(DANA, staged(endpoint_name="churn"))


async def test_a_row_of_an_earlier_release_is_still_read(stages: Stages) -> None:
    answer = stages.service.provision(DANA, training(job_name="mine"))
    await stages.run()
    name = stages.state(answer["pipeline_id"])["pipelineName"]
    with stages.store.write() as transaction:
        row = transaction.get(Scope(account=ACCOUNT, region=REGION), rows.KIND, name)
        (stage,) = row.spec["stages"]
        spec = {key: value for key, value in row.spec.items() if key != "stages"}
        early = {"at": row.created_at.isoformat(), "summary": "", "error": "", "external_id": "v"}
        execution = {
            "id": "1a2b3c4d-0000-0000-0000-000000000000",
            "status": "Succeeded",
            "source": {"id": "a", "status": "Succeeded", **early},
            "deploy": {"id": "b", "status": "Succeeded", **early},
        }
        transaction.update(
            row,
            spec={**spec, "parameters": stage["parameters"]},
            observed={"execution": execution, "stages": None},
        )
    assert stages.statuses(name) == ["Succeeded", "Succeeded"]
    assert stages.state(answer["pipeline_id"])["execution"]["id"] == execution["id"]
    again = stages.service.provision(DANA, training(job_name="mine"))
    await stages.run()
    assert again["changes"] == []
    assert stages.statuses(name) == ["Succeeded", "Succeeded"]
    stages.service.delete(DANA, {"pipeline_id": answer["pipeline_id"]})
    await stages.run()
    assert stages.find_stack(f"{name}-codepipeline") is None


def test_a_monitor_gets_its_baseline_in_the_account_of_each_stage(stages: Stages) -> None:
    stages.put("census.csv", b"income,age,sex\n1,30,F\n")
    stages.retrieve = lambda *_what: IMAGE
    planner = stages.planner
    request = planner.read(DANA, monitor("data_quality"))
    plan = planner.plan(DANA, request, "monitor", "1a2b3c4d-0000")
    assert [stage.stack_name for stage in plan] == [
        f"monitor-{stage}-1a2b3c4d" for stage in ACCOUNTS
    ]
    for stage in plan:
        (asset,) = stage.assets
        assert asset.key == "census.csv"
        assert stage.parameters["BaselineData"] == asset.copy != asset.key
    # The endpoint was looked for as whoever will deploy, in each account.
    assert {role for _, role in stages.roles.assumed} == {
        f"arn:aws:iam::{account}:role/pipeline-role" for account in ACCOUNTS.values()
    }
    with pytest.raises(BadRequest, match="give the rows themselves"):
        planner.read(DANA, monitor("model_explainability"))
    stages.roles.closed.add(PROD)
    with pytest.raises(BadRequest, match=r"cannot be asked: .* \(in the stage prod\)"):
        planner.read(DANA, monitor("data_quality"))


async def test_tests_run_ahead_of_each_approval_and_are_told_in_it(stages: Stages) -> None:
    stages.put_test("low", payload="1,2", expected=0.25)
    stages.put_test("high", payload="3,4", expected=0.2, tolerance=0.1)
    name = await stages.deliver(integration_tests=f"{TESTS}/")
    assert stages.action(name, "DeployDev", "TestDev")["status"] == "Succeeded"
    approval = stages.action(name, "DeployDev", "DeployStaging")["summary"]
    assert approval == (
        "Please approve to deploy to staging account. Integration tests: 2 of 2 passed"
    )
    assert [(region, endpoint, body) for region, endpoint, body, _ in stages.endpoints.asked] == [
        (REGION, "churn-dev", b"3,4"),
        (REGION, "churn-dev", b"1,2"),
    ]
    report = stages.action(name, "DeployDev", "TestDev")["externalExecutionId"]
    kept = json.loads(stages.objects.of(ACCOUNT).get(S3Uri.parse(report)))
    assert kept["passed"]
    assert kept["stage"] == "dev"


async def test_a_test_that_fails_fails_its_stage(stages: Stages) -> None:
    stages.put_test("low", payload="1,2", expected=0.9)
    name = await stages.deliver(integration_tests=TESTS)
    assert stages.statuses(name) == ["Succeeded", "Failed", None, None]
    assert stages.action(name, "DeployDev", "DeployStaging") == {}
    failed = stages.action(name, "DeployDev", "TestDev")
    assert failed["summary"] == "Integration tests: 0 of 1 passed"
    assert failed["errorDetails"]["message"] == "low: expected 0.9, and the answer is 0.25"


async def test_an_endpoint_that_hangs_fails_its_stage(
    stages: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(stages.endpoints, "invoke", hang)
    stages.put_test("low", payload="1,2", expected=0.25)
    name = await stages.deliver(integration_tests=TESTS, integration_tests_max_seconds=1)
    assert stages.statuses(name) == ["Succeeded", "Failed", None, None]
    message = stages.action(name, "DeployDev", "TestDev")["errorDetails"]["message"]
    assert message == "low: no answer: all tests together have 1 s, and they are over"


def test_tests_that_could_not_be_run_are_refused_with_the_request(stages: Stages) -> None:
    (found,) = problems(stages, staged(integration_tests="none"))
    assert "there are no tests under s3://assets/none/" in found
    stages.put(f"{TESTS}/check.sh")
    stages.put_test("low", payload="1,2")
    (found,) = problems(stages, staged(integration_tests=TESTS, inference_instance="ml.m5.large"))
    assert "check.sh: beside requests with expected answers" in found
    assert "low.json: expected is missing" in found
    found = problems(stages, staged(integration_tests_max_seconds="0"))[0]
    assert "must be a whole number of seconds from 1 to 3600" in found
