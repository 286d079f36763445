"""Pipelines from request to deletion, over toy capabilities."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from modelyard.operations.errors import AccessDenied
from modelyard.orchestrator.errors import BadRequest
from modelyard.orchestrator.service import NOT_PROVISIONED
from modelyard.store.s3_uris import S3Uri
from tests.orchestrator.platform import (
    IMAGE,
    REALTIME,
    TRAINING,
    Platform,
    realtime,
    training,
)
from tests.orchestrator.toys import Faults
from tests.orchestrator.world import ACCOUNT, caller, new_store


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with new_store() as store:
        platform = Platform(store, tmp_path)
        platform.upload("data/train.csv", "models/model.tar.gz", "models/new.tar.gz")
        yield platform


def statuses(state: dict[str, object]) -> list[str | None]:
    stages = state["stageStates"]
    assert isinstance(stages, list)
    return [stage.get("latestExecution", {}).get("status") for stage in stages]


async def test_a_realtime_pipeline_is_two_stacks_and_an_endpoint(platform: Platform) -> None:
    answer = await platform.provision(realtime())
    assert answer["message"] == "success: stack creation started"
    assert answer["pipeline_id"].startswith(
        f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/{REALTIME}-codepipeline/"
    )
    assert platform.stack_named(f"{REALTIME}-codepipeline").status == "CREATE_COMPLETE"
    stack = platform.stack_named(REALTIME)
    assert stack.status == "CREATE_COMPLETE"
    (name,) = platform.toys.names("endpoint")
    (config_name,) = platform.toys.names("endpoint-config")
    (model_name,) = platform.toys.names("model")
    outputs = platform.engine.outputs(stack)
    api_id = outputs["BYOMInferenceLambdaRestApiEndpoint"].split("/")[3]
    assert outputs == {
        "BYOMInferenceLambdaRestApiEndpoint": f"http://127.0.0.1:8080/{api_id}/prod/",
        "EndpointDataCaptureLocation": "s3://assets/captured/",
        "SageMakerEndpointConfigName": config_name,
        "SageMakerEndpointName": name,
        "SageMakerModelName": model_name,
    }


async def test_what_a_realtime_pipeline_makes_is_as_the_api_says(platform: Platform) -> None:
    await platform.provision(realtime(endpoint_name="Mine"))
    model, config, endpoint = (
        next(thing for thing in platform.toys.things.values() if thing.kind == kind)
        for kind in ("model", "endpoint-config", "endpoint")
    )
    assert model.members["PrimaryContainer"] == {
        "Image": IMAGE,
        "ModelDataUrl": "s3://assets/models/model.tar.gz",
    }
    assert model.tags["model_name"] == "Churn"
    assert config.members["ProductionVariants"] == [
        {
            "VariantName": "AllTraffic",
            "ModelName": model.name,
            "InitialInstanceCount": 1,
            "InitialVariantWeight": 1,
            "InstanceType": "ml.m5.large",
        }
    ]
    assert config.members["DataCaptureConfig"] == {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://assets/captured",
        "CaptureOptions": [{"CaptureMode": "Output"}, {"CaptureMode": "Input"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
    }
    assert config.tags["endpoint-config-name"] == "Churn-endpoint-config"
    assert endpoint.name == "mine"
    assert endpoint.tags["endpoint-name"] == "Churn-endpoint"
    assert {thing.tags["stack_name"] for thing in (model, config, endpoint)} == {REALTIME}


async def test_what_a_training_pipeline_asks_for_is_as_the_api_says(platform: Platform) -> None:
    await platform.provision(training(validation_data="data/", job_name="mine"))
    job = platform.toys.things["training-job", "mine"].members
    assert job["HyperParameters"] == {
        "num_round": "100",
        "eta": "0.3",
        "objective": "binary:logistic",
    }
    assert [channel["ChannelName"] for channel in job["InputDataConfig"]] == ["train", "validation"]
    assert job["InputDataConfig"][1] == {
        "ChannelName": "validation",
        "ContentType": "csv",
        "InputMode": "File",
        "DataSource": {
            "S3DataSource": {
                "S3DataType": "S3Prefix",
                "S3Uri": "s3://assets/data",
                "S3DataDistributionType": "FullyReplicated",
            }
        },
    }
    assert job["OutputDataConfig"] == {"S3OutputPath": "s3://assets/models"}
    assert job["ResourceConfig"] == {
        "InstanceType": "ml.m4.xlarge",
        "InstanceCount": 1,
        "VolumeSizeInGB": 20,
    }
    assert job["StoppingCondition"] == {
        "MaxRuntimeInSeconds": 86400,
        "MaxWaitTimeInSeconds": 172800,
    }
    assert job["EnableManagedSpotTraining"] is True
    assert job["EnableInterContainerTrafficEncryption"] is True
    assert platform.engine.outputs(platform.stack_named(TRAINING)) == {
        "ModelArtifactLocation": "models/mine/output/model.tar.gz",
        "TrainingDataLocation": "s3://assets/data/train.csv",
        "TrainingJobName": "mine",
        "TrainingJobOutputLocation": "s3://assets/models/mine/output/",
        "ValidationDataLocation": "s3://assets/data",
    }


async def test_what_is_provisioned_lies_in_the_assets_bucket(platform: Platform) -> None:
    await platform.provision(realtime())
    uri = S3Uri("assets", f"mlops_provisioned_pipelines/{REALTIME}/template.zip")
    with zipfile.ZipFile(io.BytesIO(platform.objects.of(ACCOUNT).get(uri))) as archive:
        assert sorted(archive.namelist()) == [
            "byom_realtime_inference_pipeline.yaml",
            "template_params.json",
        ]
        parameters = json.loads(archive.read("template_params.json"))["Parameters"]
    assert parameters == dict(platform.stack_named(REALTIME).spec["parameters"])


async def test_the_state_of_a_pipeline_is_as_clients_know_it(platform: Platform) -> None:
    answer = platform.service.provision(caller(), realtime())
    state = platform.state(answer["pipeline_id"])
    assert statuses(state) == ["InProgress", None]
    assert state["stack"]["status"] is None
    await platform.run()
    state = platform.state(answer["pipeline_id"])
    assert list(state)[:6] == [
        "pipelineName",
        "pipelineVersion",
        "stageStates",
        "created",
        "updated",
        "ResponseMetadata",
    ]
    source, deploy = state["stageStates"]
    assert source["stageName"] == "Source"
    assert source["inboundTransitionState"] == {"enabled": True}
    (action,) = source["actionStates"]
    version = action["currentRevision"]["revisionId"]
    assert action["actionName"] == "S3Source"
    assert action["latestExecution"]["summary"] == f"Amazon S3 version id: {version}"
    assert deploy["stageName"] == "DeployCloudFormation"
    (action,) = deploy["actionStates"]
    assert action["actionName"] == "deploy_stack"
    assert action["latestExecution"]["summary"] == f"Stack {REALTIME} was created."
    assert action["latestExecution"]["externalExecutionId"] == state["stack"]["stackId"]
    assert source["latestExecution"] == deploy["latestExecution"]
    assert state["stack"]["status"] == "CREATE_COMPLETE"
    assert state["stack"]["outputs"] == platform.engine.outputs(platform.stack_named(REALTIME))
    assert state["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert state["jobs"] == []


async def test_a_second_request_changes_what_differs_and_says_what(platform: Platform) -> None:
    first = await platform.provision(realtime())
    (endpoint,) = platform.toys.names("endpoint")
    answer = await platform.provision(realtime(model_artifact_location="models/new.tar.gz"))
    assert answer == {
        "message": f"Pipeline {REALTIME}-codepipeline is already provisioned. "
        "Updating template parameters.",
        "pipeline_id": first["pipeline_id"],
        "changes": [
            "MLOpsSagemakerModel (AWS::SageMaker::Model) is replaced by a new one: "
            "PrimaryContainer",
            "MLOpsSagemakerEndpointConfig (AWS::SageMaker::EndpointConfig) is replaced by a new "
            "one: ProductionVariants",
            "MLOpsSagemakerEndpoint (AWS::SageMaker::Endpoint) is updated in place: "
            "EndpointConfigName",
        ],
    }
    assert platform.toys.names("endpoint") == [endpoint]
    assert len(platform.toys.names("model")) == 1
    deploy = platform.state(first["pipeline_id"])["stageStates"][1]["actionStates"][0]
    assert deploy["latestExecution"]["summary"] == f"Stack {REALTIME} was updated."


async def test_the_same_request_again_changes_nothing(platform: Platform) -> None:
    answer = await platform.provision(realtime())
    calls = len(platform.toys.faults.calls)
    assert (await platform.provision(realtime()))["changes"] == []
    assert len(platform.toys.faults.calls) == calls
    deploy = platform.state(answer["pipeline_id"])["stageStates"][1]["actionStates"][0]
    assert "no updates are to be performed" in deploy["latestExecution"]["summary"]


async def test_each_training_request_without_a_job_name_trains_again(platform: Platform) -> None:
    await platform.provision(training())
    await platform.provision(training())
    assert len(platform.toys.names("training-job")) == 2


async def test_a_job_name_with_the_same_values_trains_once(platform: Platform) -> None:
    await platform.provision(training(job_name="mine"))
    answer = await platform.provision(training(job_name="mine"))
    assert answer["changes"] == []
    assert platform.toys.created == ["mine"]


async def test_a_job_name_with_other_values_is_refused_before_anything_happens(
    platform: Platform,
) -> None:
    answer = await platform.provision(training(job_name="mine"))
    before = platform.state(answer["pipeline_id"])
    with pytest.raises(BadRequest) as caught:
        platform.service.provision(caller(), training(job_name="mine", instance_count=2))
    assert caught.value.problems == [
        "Bad request. job_name: ResourceConfig cannot be changed in place, and 'mine' exists "
        "already: give the new one another name"
    ]
    assert platform.state(answer["pipeline_id"])["stageStates"] == before["stageStates"]


async def test_a_job_name_that_ever_was_is_refused(platform: Platform) -> None:
    await platform.provision(training(job_name="first"))
    await platform.provision(training(job_name="second"))
    for body in (training(job_name="first"), training(job_name="first", model_name="other")):
        with pytest.raises(BadRequest, match="job_name: 'first' exists already: choose another"):
            platform.service.provision(caller(), body)
    assert platform.find_stack("mlops-pipeline-other-modeltraining-codepipeline") is None


async def test_an_endpoint_name_of_somebody_else_is_refused(platform: Platform) -> None:
    await platform.provision(realtime(endpoint_name="shared"))
    with pytest.raises(BadRequest, match="endpoint_name: 'shared' exists already"):
        platform.service.provision(caller(), realtime(model_name="other", endpoint_name="shared"))


async def test_nothing_is_made_for_a_request_with_a_problem(platform: Platform) -> None:
    with pytest.raises(BadRequest):
        platform.service.provision(caller(), realtime(inference_instance="ml.none.huge"))
    assert platform.find_stack(f"{REALTIME}-codepipeline") is None
    assert not platform.queue.waiting()
    assert platform.toys.things == {}


async def test_what_the_operations_would_refuse_is_refused_at_once(platform: Platform) -> None:
    platform.policy.denied.add("sagemaker:CreateEndpoint")
    with pytest.raises(BadRequest) as caught:
        platform.service.provision(caller(), realtime(inference_instance="ml.none.huge"))
    text = "\n".join(caught.value.problems)
    assert "ml.none.huge" in text
    assert "not authorized to perform: sagemaker:CreateEndpoint" in text


async def test_of_two_requests_at_one_instant_one_creates_and_one_updates(
    platform: Platform,
) -> None:
    answers = await asyncio.gather(
        *(asyncio.to_thread(platform.service.provision, caller(), realtime()) for _ in range(8))
    )
    created = [answer for answer in answers if answer["message"].startswith("success")]
    assert len(created) == 1
    assert len({answer["pipeline_id"] for answer in answers}) == 1
    await platform.run()
    assert platform.stack_named(REALTIME).status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    assert len(platform.toys.names("endpoint")) == len(platform.toys.names("model")) == 1


async def test_a_newer_request_supersedes_the_one_that_runs(platform: Platform) -> None:
    platform.service.provision(caller(), realtime())
    platform.toys.faults.meanwhile["CreateEndpoint"] = lambda: platform.service.provision(
        caller(), realtime(model_artifact_location="models/new.tar.gz")
    )
    await platform.run()
    (model,) = (thing for thing in platform.toys.things.values() if thing.kind == "model")
    assert model.members["PrimaryContainer"]["ModelDataUrl"] == "s3://assets/models/new.tar.gz"
    assert platform.stack_named(REALTIME).status == "UPDATE_COMPLETE"


async def test_a_failed_deployment_says_why_and_the_next_request_starts_anew(
    platform: Platform,
) -> None:
    platform.toys.broken_images.add(IMAGE)
    answer = await platform.provision(realtime())
    state = platform.state(answer["pipeline_id"])
    assert statuses(state) == ["Succeeded", "Failed"]
    error = state["stageStates"][1]["actionStates"][0]["latestExecution"]["errorDetails"]
    assert error["code"] == "JobFailed"
    assert "the model cannot be loaded" in error["message"]
    assert state["stack"]["status"] == "ROLLBACK_COMPLETE"
    assert "the model cannot be loaded" in state["stack"]["statusReason"]
    assert platform.toys.things == {}
    platform.toys.broken_images.clear()
    again = await platform.provision(realtime())
    assert again["pipeline_id"] == answer["pipeline_id"]
    assert platform.stack_named(REALTIME).status == "CREATE_COMPLETE"
    assert statuses(platform.state(answer["pipeline_id"])) == ["Succeeded", "Succeeded"]


async def test_an_assets_bucket_that_is_gone_fails_the_source(platform: Platform) -> None:
    answer = platform.service.provision(caller(), realtime())
    objects = platform.objects.of(ACCOUNT)
    for key in [info.key for info in objects.list(S3Uri("assets", ""))]:
        objects.delete(S3Uri("assets", key))
    objects.delete_bucket("assets")
    await platform.run()
    state = platform.state(answer["pipeline_id"])
    assert statuses(state) == ["Failed", None]
    error = state["stageStates"][0]["actionStates"][0]["latestExecution"]["errorDetails"]
    assert "assets" in error["message"]


async def test_a_job_that_fails_after_its_stack_succeeded_is_shown(platform: Platform) -> None:
    answer = await platform.provision(training(job_name="mine"))
    job = platform.toys.things["training-job", "mine"]
    job.status, job.failure = "Failed", "AlgorithmError: the label column is text"
    state = platform.state(answer["pipeline_id"])
    assert statuses(state) == ["Succeeded", "Succeeded"]
    assert state["jobs"] == [
        {
            "jobName": "mine",
            "jobArn": job.arn,
            "status": "Failed",
            "secondaryStatus": "Training",
            "failureReason": "AlgorithmError: the label column is text",
            "lastLogLines": ["line 1", "line 2"],
        }
    ]


async def test_a_deletion_goes_newest_first_and_lists_what_stays(platform: Platform) -> None:
    answer = await platform.provision(realtime())
    said = platform.service.delete(caller(), {"pipeline_id": answer["pipeline_id"]})
    assert said == {
        "message": f"Pipeline {REALTIME}-codepipeline is being deleted.",
        "pipeline_id": answer["pipeline_id"],
        "retained": [
            f"s3://assets/mlops_provisioned_pipelines/{REALTIME}/template.zip",
            "s3://assets/captured/",
        ],
    }
    await platform.run()
    assert platform.toys.things == {}
    assert platform.find_stack(REALTIME) is None
    assert platform.find_stack(f"{REALTIME}-codepipeline") is None
    with pytest.raises(ClientError, match="does not exist"):
        platform.service.delete(caller(), {"pipeline_id": answer["pipeline_id"]})
    with pytest.raises(ClientError, match="PipelineNotFoundException"):
        platform.state(answer["pipeline_id"])


async def test_a_training_pipelines_job_stops_and_stays_when_it_is_deleted(
    platform: Platform,
) -> None:
    await platform.provision(training(job_name="mine"))
    said = platform.service.delete(caller(), {"pipeline_name": TRAINING})
    assert platform.toys.things["training-job", "mine"].arn in said["retained"]
    await platform.run()
    assert platform.toys.things["training-job", "mine"].status == "Stopped"


@pytest.mark.parametrize("named", [TRAINING, f"{TRAINING}-codepipeline"])
async def test_a_pipeline_is_deleted_by_either_of_its_names(platform: Platform, named: str) -> None:
    await platform.provision(training())
    platform.service.delete(caller(), {"pipeline_name": named})
    await platform.run()
    assert platform.find_stack(TRAINING) is None


async def test_a_pipeline_is_deleted_by_its_stacks_id_but_not_by_an_older_ones(
    platform: Platform,
) -> None:
    await platform.provision(training())
    arn = platform.stack_named(TRAINING).arn
    older = arn[:-4] + "0000"
    with pytest.raises(ClientError, match="does not exist"):
        platform.service.delete(caller(), {"pipeline_id": older})
    platform.service.delete(caller(), {"pipeline_id": arn})
    await platform.run()
    assert platform.find_stack(TRAINING) is None


async def test_a_deletion_that_fails_can_be_asked_for_again(platform: Platform) -> None:
    answer = await platform.provision(realtime())
    platform.toys.faults.fail_operations = frozenset({"Delete model"})
    platform.service.delete(caller(), answer | {"pipeline_name": ""})
    await platform.run()
    own = platform.stack_named(f"{REALTIME}-codepipeline")
    assert own.status == "DELETE_FAILED"
    assert "Delete model was made to fail" in own.observed["reason"]
    with pytest.raises(BadRequest, match="is DELETE_FAILED: wait until it is gone, or delete it"):
        platform.service.provision(caller(), realtime())
    platform.toys.faults.fail_operations = frozenset()
    platform.service.delete(caller(), {"pipeline_id": answer["pipeline_id"]})
    await platform.run()
    assert platform.find_stack(REALTIME) is None
    assert platform.toys.things == {}


async def test_a_deletion_ends_a_deployment_that_runs(platform: Platform) -> None:
    answer = platform.service.provision(caller(), realtime())
    platform.toys.faults.meanwhile["CreateEndpoint"] = lambda: platform.service.delete(
        caller(), {"pipeline_id": answer["pipeline_id"]}
    )
    await platform.run()
    assert platform.toys.things == {}
    assert platform.find_stack(f"{REALTIME}-codepipeline") is None


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", range(3))
async def test_a_pipeline_survives_a_crash_at_any_call(
    tmp_path: Path, when: str, call: int
) -> None:
    with new_store() as store:
        platform = Platform(store, tmp_path, faults=Faults())
        platform.upload("models/model.tar.gz")
        platform.toys.faults.crash_at(when, call)
        answer = platform.service.provision(caller(), realtime())
        await platform.run()
        assert statuses(platform.state(answer["pipeline_id"])) == ["Succeeded", "Succeeded"]
        assert len(platform.toys.created) == 3


async def test_a_stack_without_a_pipeline_says_so(platform: Platform) -> None:
    await platform.provision(training())
    arn = platform.stack_named(TRAINING).arn
    said = platform.service.pipeline_status(caller(), {"pipeline_id": arn})
    assert said == NOT_PROVISIONED


async def test_another_account_sees_nothing(platform: Platform) -> None:
    answer = await platform.provision(realtime())
    stranger = caller(account="999999999999")
    with pytest.raises(ClientError, match="does not exist"):
        platform.service.pipeline_status(stranger, {"pipeline_id": answer["pipeline_id"]})
    with pytest.raises(ClientError, match="does not exist"):
        platform.service.delete(stranger, {"pipeline_id": answer["pipeline_id"]})
    url = platform.state(answer["pipeline_id"])["stack"]["outputs"][
        "BYOMInferenceLambdaRestApiEndpoint"
    ]
    with pytest.raises(BadRequest, match="There is no pipeline"):
        await platform.service.inference(stranger, url.split("/")[3], {})


@pytest.mark.parametrize(
    "action", ["ProvisionPipeline", "GetPipelineStatus", "DeletePipeline", "InvokeInference"]
)
async def test_every_call_is_authorised_first(platform: Platform, action: str) -> None:
    platform.policy.denied.add(f"modelyard:{action}")
    service = platform.service
    with pytest.raises(AccessDenied, match=f"modelyard:{action}"):
        if action == "ProvisionPipeline":
            service.provision(caller(), {})
        elif action == "GetPipelineStatus":
            service.pipeline_status(caller(), {})
        elif action == "DeletePipeline":
            service.delete(caller(), {})
        else:
            await service.inference(caller(), "none", {})


async def test_long_model_names_keep_their_pipelines_apart(platform: Platform) -> None:
    ids = [
        (await platform.provision(training(model_name="m" * 100 + end)))["pipeline_id"]
        for end in ("a", "b")
    ]
    names = [text.split("/")[1] for text in ids]
    assert len(set(names)) == 2
    assert all(len(name) <= 128 and name.endswith("-codepipeline") for name in names)
