"""Model cards through boto3, from a real training job to the paper that is filed."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.clients.jobs import train
from tests.clients.test_orchestrator import post
from tests.governance.cards.paper.printed import text_of
from tests.live import XGBOOST, LiveServer


@pytest.fixture(scope="module")
def job(server: LiveServer) -> dict[str, Any]:
    return train(server, "carded")


def drafted(server: LiveServer, **request: Any) -> dict[str, Any]:
    """Ask for a draft as the command line does: AWS has no such operation."""
    printed = server.cli("cards", "draft", "--json", *(f"--{k}={v}" for k, v in request.items()))
    answer: dict[str, Any] = json.loads(printed.stdout)
    return answer


def own(server: LiveServer, operation: str, request: dict[str, Any]) -> Any:
    """Call an operation that AWS does not have."""
    asked = urllib.request.Request(
        server.env["MODELYARD_URL"],
        data=json.dumps(request).encode(),
        headers={
            "Authorization": f"Bearer {server.env['MODELYARD_TOKEN']}",
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"Modelyard.{operation}",
        },
    )
    with urllib.request.urlopen(asked) as answer:
        return json.load(answer)


def await_export(server: LiveServer, arn: str) -> dict[str, Any]:
    sagemaker = server.client("sagemaker")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        export: dict[str, Any] = sagemaker.describe_model_card_export_job(ModelCardExportJobArn=arn)
        if export["Status"] != "InProgress":
            return export
        time.sleep(0.1)
    raise AssertionError(f"{arn} is still in progress")


def fetched(server: LiveServer, uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body: bytes = server.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def test_a_training_jobs_card_is_drafted_reviewed_and_filed(
    server: LiveServer, job: dict[str, Any]
) -> None:
    sagemaker = server.client("sagemaker")
    draft = drafted(server, **{"training-job": "carded"})
    content = json.loads(draft["Content"])
    details = content["training_details"]["training_job_details"]
    assert details["training_arn"] == job["TrainingJobArn"]
    assert details["training_datasets"] == [f"s3://{server.bucket}/tests/train.csv"]
    assert {"name": "num_round", "value": "20"} in details["hyper_parameters"]
    (metric,) = details["training_metrics"]
    assert metric == {
        "name": "train:auc",
        "value": job["FinalMetricDataList"][0]["Value"],
    }
    assert content["model_overview"]["problem_type"] == "Binary Classification"
    assert "intended_uses.purpose_of_model" in [entry["Path"] for entry in draft["Missing"]]

    content["intended_uses"] = {
        "purpose_of_model": "Second reading of biopsies.",
        "risk_rating": "High",
    }
    arn = sagemaker.create_model_card(
        ModelCardName="biopsies", Content=json.dumps(content), ModelCardStatus="Draft"
    )["ModelCardArn"]
    sagemaker.update_model_card(ModelCardName="biopsies", ModelCardStatus="Approved")
    export = sagemaker.create_model_card_export_job(
        ModelCardName="biopsies",
        ModelCardExportJobName="filed",
        OutputConfig={"S3OutputPath": f"s3://{server.bucket}/model_card_exports"},
    )
    ended = await_export(server, export["ModelCardExportJobArn"])
    assert ended["Status"] == "Completed", ended
    uri = ended["ExportArtifacts"]["S3ExportArtifacts"]
    assert uri == f"s3://{server.bucket}/model_card_exports/filed/biopsies-v1.pdf"
    printed = text_of(fetched(server, uri))
    for expected in (
        "Second reading of biopsies.",
        "Draft → Approved",
        "train:auc",
        format(metric["value"], ".6g"),
        "num_round",
        job["TrainingJobArn"],
        arn,
    ):
        assert expected in printed


def test_a_registry_version_has_its_row_in_the_stage_table(
    server: LiveServer, job: dict[str, Any]
) -> None:
    sagemaker = server.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="staged")
    container = {"Image": XGBOOST, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
    arn = sagemaker.create_model_package(
        ModelPackageGroupName="staged",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    pending = {"Stage": "Development", "StageStatus": "PendingApproval"}
    sagemaker.update_model_package(ModelPackageArn=arn, ModelLifeCycle=pending)
    deadline = time.monotonic() + 30
    rows: list[dict[str, Any]] = []
    while time.monotonic() < deadline:
        rows = own(server, "ListModelStages", {"ModelPackageGroupName": "staged"})["ModelStages"]
        if rows and rows[0]["Dev"]["Status"] != "N/A":
            break
        time.sleep(0.1)
    (row,) = rows
    assert (row["ModelPackageArn"], row["ModelPackageVersion"]) == (arn, 1)
    assert row["Dev"]["Status"] == "PendingApproval"
    assert row["Prod"]["Status"] == "N/A"


def test_the_errors_are_those_that_clients_catch(server: LiveServer) -> None:
    sagemaker = server.client("sagemaker")
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_model_card(ModelCardName="no-such-card")
    request = {"ModelCardName": "twice", "Content": "{}", "ModelCardStatus": "Draft"}
    sagemaker.create_model_card(**request)
    with pytest.raises(sagemaker.exceptions.ConflictException):
        sagemaker.create_model_card(**request)
    with pytest.raises(ClientError, match=r"risk_rating.*one of High, Medium, Low, Unknown"):
        sagemaker.update_model_card(
            ModelCardName="twice", Content='{"intended_uses": {"risk_rating": "?"}}'
        )


def test_cards_and_versions_page_through_boto3s_paginators(server: LiveServer) -> None:
    sagemaker = server.client("sagemaker")
    for number in range(3):
        sagemaker.create_model_card(
            ModelCardName=f"paged-{number}", Content="{}", ModelCardStatus="Draft"
        )
    pages = sagemaker.get_paginator("list_model_cards").paginate(
        NameContains="paged",
        SortBy="Name",
        SortOrder="Ascending",
        PaginationConfig={"PageSize": 2},
    )
    names = [card["ModelCardName"] for page in pages for card in page["ModelCardSummaries"]]
    assert names == ["paged-0", "paged-1", "paged-2"]
    sagemaker.update_model_card(
        ModelCardName="paged-0", Content='{"model_overview": {"model_name": "m"}}'
    )
    pages = sagemaker.get_paginator("list_model_card_versions").paginate(
        ModelCardName="paged-0", PaginationConfig={"PageSize": 1}
    )
    versions = [
        version["ModelCardVersion"]
        for page in pages
        for version in page["ModelCardVersionSummaryList"]
    ]
    assert versions == [2, 1]
    for number in range(3):
        sagemaker.delete_model_card(ModelCardName=f"paged-{number}")
    assert sagemaker.list_model_cards(NameContains="paged")["ModelCardSummaries"] == []


def test_the_command_line_shows_and_exports(server: LiveServer) -> None:
    server.client("sagemaker").create_model_card(
        ModelCardName="shown",
        Content='{"model_overview": {"model_name": "a model"}}',
        ModelCardStatus="Draft",
    )
    shown = server.cli("cards", "show", "shown").stdout
    assert "shown, version 1, Draft" in shown
    assert "a model" in shown
    uri = server.cli("cards", "export", "shown").stdout.strip()
    assert uri.startswith(f"s3://{server.bucket}/model_card_exports/")
    assert "a model" in text_of(fetched(server, uri))
    refused = server.cli("cards", "show", "none", check=False)
    assert refused.returncode == 1
    assert "Could not find model card 'none'" in refused.stderr


def test_the_orchestrator_documents_a_job_in_one_call(
    server: LiveServer, job: dict[str, Any]
) -> None:
    def ask(kind: str, **body: Any) -> Any:
        request = {"pipeline_type": kind, "name": "orchestrated", **body}
        status, answer = post(server, "/provisionpipeline", request)
        assert status == 200, answer
        return answer["message"]

    created = ask(
        "create_model_card",
        training_details={"training_job_name": "carded"},
        intended_uses={"risk_rating": "Low"},
    )
    details = json.loads(created["Content"])["training_details"]["training_job_details"]
    assert details["training_arn"] == job["TrainingJobArn"]
    assert ask("export_model_card") == (
        "Model card with the name: orchestrated has been exported to "
        f"s3://{server.bucket}/model_card_exports"
    )
    assert ask("delete_model_card") == ("Model card with the name: orchestrated has been deleted")
    request = {"pipeline_type": "describe_model_card", "name": "orchestrated"}
    status, answer = post(server, "/provisionpipeline", request)
    assert (status, answer["message"]) == (400, "A boto3 ClientError occurred")
    assert "(ResourceNotFound) when calling the DescribeModelCard" in answer["detailedMessage"]


def test_a_card_under_a_key_is_read_by_nobody_once_the_key_is_disabled(
    server: LiveServer,
) -> None:
    sagemaker, kms = server.client("sagemaker"), server.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    content = json.dumps({"intended_uses": {"purpose_of_model": "kept-under-a-key"}})
    sagemaker.create_model_card(
        ModelCardName="sealed",
        Content=content,
        ModelCardStatus="Draft",
        SecurityConfig={"KmsKeyId": key},
    )
    assert sagemaker.describe_model_card(ModelCardName="sealed")["Content"] == content
    files = [file for file in server.home.rglob("*") if file.is_file()]
    assert not [file for file in files if b"kept-under-a-key" in file.read_bytes()]
    kms.disable_key(KeyId=key)
    with pytest.raises(ClientError, match="Disabled"):
        sagemaker.describe_model_card(ModelCardName="sealed")
    kms.enable_key(KeyId=key)
    assert sagemaker.describe_model_card(ModelCardName="sealed")["Content"] == content


def test_a_report_whose_key_the_caller_may_not_use_is_left_out_of_a_draft(
    server: LiveServer, job: dict[str, Any]
) -> None:
    sagemaker, kms = server.client("sagemaker"), server.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    server.client("s3").put_object(
        Bucket=server.bucket,
        Key="cards/sealed.json",
        Body=json.dumps({"regression_metrics": {"rmse": {"value": 2.4}}}),
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=key,
    )
    uri = f"s3://{server.bucket}/cards/sealed.json"
    sagemaker.create_model_package_group(ModelPackageGroupName="sealed-report")
    container = {"Image": XGBOOST, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
    statistics = {"ContentType": "application/json", "S3Uri": uri}
    version = sagemaker.create_model_package(
        ModelPackageGroupName="sealed-report",
        InferenceSpecification={"Containers": [container]},
        ModelMetrics={"ModelQuality": {"Statistics": statistics}},
    )["ModelPackageArn"]
    assert "2.4" in server.cli("cards", "draft", "--model-package", version).stdout
    kms.disable_key(KeyId=key)
    drafted = server.cli("cards", "draft", "--model-package", version)
    assert "2.4" not in drafted.stdout
    assert f"{uri} was left out" in drafted.stderr


def test_a_registry_versions_card_has_its_reports_and_is_found_by_its_model(
    server: LiveServer, job: dict[str, Any]
) -> None:
    sagemaker = server.client("sagemaker")
    report = {"binary_classification_metrics": {"auc": {"value": 0.98765}}}
    server.client("s3").put_object(
        Bucket=server.bucket, Key="cards/quality.json", Body=json.dumps(report)
    )
    sagemaker.create_model_package_group(ModelPackageGroupName="carded")
    container = {"Image": XGBOOST, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
    request = {
        "ModelPackageGroupName": "carded",
        "InferenceSpecification": {
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        "ModelMetrics": {
            "ModelQuality": {
                "Statistics": {
                    "ContentType": "application/json",
                    "S3Uri": f"s3://{server.bucket}/cards/quality.json",
                }
            }
        },
    }
    with pytest.raises(ClientError, match=r"ModelCard\.ModelCardContent: intended_uses\.risk"):
        sagemaker.create_model_package(
            **request,
            ModelCard={
                "ModelCardContent": '{"intended_uses": {"risk_rating": "?"}}',
                "ModelCardStatus": "Draft",
            },
        )
    package = sagemaker.create_model_package(**request)["ModelPackageArn"]
    draft = drafted(server, **{"model-package": package})
    content = json.loads(draft["Content"])
    assert content["model_package_details"]["model_package_group_name"] == "carded"
    assert draft["Sources"][0] == job["TrainingJobArn"]
    (evaluation,) = content["evaluation_details"]
    assert evaluation["metric_groups"][0]["metric_data"] == [
        {"name": "auc", "type": "number", "value": 0.98765}
    ]
    sagemaker.create_model_card(
        ModelCardName="of-registry", Content=draft["Content"], ModelCardStatus="Draft"
    )
    for name, value in (("ModelId", package), ("ModelPackageGroupName", "carded")):
        wanted = {"Filters": [{"Name": name, "Operator": "Equals", "Value": value}]}
        (found,) = sagemaker.search(Resource="ModelCard", SearchExpression=wanted)["Results"]
        assert found["ModelCard"]["ModelCardName"] == "of-registry"
        assert found["ModelCard"]["ModelId"] == package
        assert "Content" not in found["ModelCard"]


def test_a_governance_officer_approves_and_files_what_an_auditor_only_reads(
    server: LiveServer,
) -> None:
    def acting(persona: str) -> Any:
        request = {"UserName": f"a-{persona}", "Personas": [persona]}
        person = own(server, "CreatePerson", request)
        return server.client(
            "sagemaker",
            aws_access_key_id=person["AccessKeyId"],
            aws_secret_access_key=person["SecretAccessKey"],
        )

    officer, auditor = acting("governance-officer"), acting("auditor")
    request = {"ModelCardName": "governed", "ModelCardStatus": "Draft", "Content": "{}"}
    with pytest.raises(ClientError, match="AccessDenied"):
        auditor.create_model_card(**request)
    officer.create_model_card(**request)
    officer.update_model_card(ModelCardName="governed", ModelCardStatus="Approved")
    export = {"ModelCardName": "governed", "ModelCardExportJobName": "filed"}
    with pytest.raises(ClientError, match="s3:PutObject"):
        place = {"S3OutputPath": f"s3://{server.bucket}/elsewhere"}
        officer.create_model_card_export_job(**export, OutputConfig=place)
    place = {"S3OutputPath": f"s3://{server.bucket}/model_card_exports"}
    made = officer.create_model_card_export_job(**export, OutputConfig=place)
    ended = await_export(server, made["ModelCardExportJobArn"])
    assert ended["Status"] == "Completed", ended
    printed = text_of(fetched(server, ended["ExportArtifacts"]["S3ExportArtifacts"]))
    assert "Draft → Approved" in printed
    assert "user/a-governance-officer" in printed
    assert auditor.describe_model_card(ModelCardName="governed")["ModelCardStatus"] == "Approved"
    with pytest.raises(ClientError, match="AccessDenied"):
        auditor.delete_model_card(ModelCardName="governed")
