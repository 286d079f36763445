"""Toy capabilities: models, configurations, endpoints and training jobs that live in a dictionary.

They are registered in a real operation table, and stricter than the real ones: what is in use
cannot be deleted, and what is missing cannot be used. So a wrong order of calls is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from modelyard.arns import sagemaker_arn
from modelyard.operations.context import Context
from modelyard.operations.errors import (
    OperationError,
    ResourceInUse,
    ResourceLimitExceeded,
    ResourceNotFound,
    ValidationError,
)
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import caller, every, named

_TUNING_KIND = "hyper-parameter-tuning-job"
_TUNING_NAME = "HyperParameterTuningJobName"
_TUNING = named(_TUNING_KIND, _TUNING_NAME)
_AUTOPILOT_KIND = "automl-job"
_AUTOPILOT = named(_AUTOPILOT_KIND, "AutoMLJobName")


class Crash(BaseException):
    """The process ends here."""


@dataclass
class Faults:
    """What goes wrong: the numbered call (from 0) fails, or the process ends around it."""

    calls: list[str] = field(default_factory=list)
    fail_at: frozenset[int] = frozenset()
    fail_operations: frozenset[str] = frozenset()
    crash_before: int | None = None
    crash_after: int | None = None
    meanwhile: dict[str, Callable[[], object]] = field(default_factory=dict)  # ahead of a call

    def crash_at(self, when: str, call: int) -> None:
        """End the process "before" or "after" the call of that number."""
        if when == "before":
            self.crash_before = call
        else:
            self.crash_after = call

    def carry_out(self, name: str, effect: Callable[[], Response]) -> Response:
        number = len(self.calls)
        self.calls.append(name)
        self.meanwhile.pop(name, lambda: None)()
        if number == self.crash_before:
            raise Crash
        if number in self.fail_at or name in self.fail_operations:
            raise ResourceLimitExceeded(f"{name} was made to fail")
        answer = effect()
        if number == self.crash_after:
            raise Crash
        return answer


@dataclass
class Thing:
    """One resource of the toy world."""

    kind: str
    name: str
    arn: str
    members: dict[str, Any]
    tags: dict[str, str]
    status: str = "Created"
    looks_until_settled: int = 0
    failure: str | None = None


class Toys:
    """The operations. No endpoint can serve a model of one of `broken_images`."""

    def __init__(self, faults: Faults | None = None, *, looks: int = 1) -> None:
        self.faults = faults or Faults()
        self.things: dict[tuple[str, str], Thing] = {}
        self.broken_images: set[str] = set()
        self.created: list[str] = []  # every name that was ever created, in order
        self._looks = looks

    def names(self, kind: str) -> list[str]:
        return sorted(name for owner, name in self.things if owner == kind)

    @operation("sagemaker", "CreateModel", on=named("model", "ModelName"))
    def create_model(self, context: Context, request: Request) -> Response:
        return self._create(context, "model", "ModelName", request)

    @operation("sagemaker", "DescribeModel", on=named("model", "ModelName"))
    def describe_model(self, context: Context, request: Request) -> Response:
        return self._describe("model", request["ModelName"], "Model")

    @operation("sagemaker", "DeleteModel", on=named("model", "ModelName"))
    def delete_model(self, context: Context, request: Request) -> Response:
        used = [
            variant["ModelName"]
            for thing in self.things.values()
            if thing.kind == "endpoint-config"
            for variant in thing.members["ProductionVariants"]
        ]
        return self._delete("model", request["ModelName"], used)

    @operation(
        "sagemaker", "CreateEndpointConfig", on=named("endpoint-config", "EndpointConfigName")
    )
    def create_endpoint_config(self, context: Context, request: Request) -> Response:
        for variant in request["ProductionVariants"]:
            self._get("model", variant["ModelName"])
        return self._create(context, "endpoint-config", "EndpointConfigName", request)

    @operation(
        "sagemaker", "DescribeEndpointConfig", on=named("endpoint-config", "EndpointConfigName")
    )
    def describe_endpoint_config(self, context: Context, request: Request) -> Response:
        return self._describe("endpoint-config", request["EndpointConfigName"], "EndpointConfig")

    @operation(
        "sagemaker", "DeleteEndpointConfig", on=named("endpoint-config", "EndpointConfigName")
    )
    def delete_endpoint_config(self, context: Context, request: Request) -> Response:
        used = [
            thing.members["EndpointConfigName"]
            for thing in self.things.values()
            if thing.kind == "endpoint"
        ]
        return self._delete("endpoint-config", request["EndpointConfigName"], used)

    @operation("sagemaker", "CreateEndpoint", on=named("endpoint", "EndpointName"))
    def create_endpoint(self, context: Context, request: Request) -> Response:
        self._get("endpoint-config", request["EndpointConfigName"])
        return self._create(context, "endpoint", "EndpointName", request, status="Creating")

    @operation("sagemaker", "DescribeEndpoint", on=named("endpoint", "EndpointName"))
    def describe_endpoint(self, context: Context, request: Request) -> Response:
        name = request["EndpointName"]
        thing = self.things.get(("endpoint", name))
        if thing is not None:
            self._advance(thing)
        answer = self._describe("endpoint", name, "Endpoint")
        assert thing is not None
        answer["EndpointStatus"] = thing.status
        if thing.failure:
            answer["FailureReason"] = thing.failure
        return answer

    @operation("sagemaker", "UpdateEndpoint", on=named("endpoint", "EndpointName"))
    def update_endpoint(self, context: Context, request: Request) -> Response:
        self._get("endpoint-config", request["EndpointConfigName"])
        endpoint = self._get("endpoint", request["EndpointName"])

        def effect() -> Response:
            if endpoint.status not in ("InService", "Failed"):
                raise ValidationError(f"Cannot update in-progress endpoint {endpoint.arn}")
            endpoint.members["next"] = request["EndpointConfigName"]
            endpoint.status = "Updating"
            endpoint.looks_until_settled = self._looks
            return {"EndpointArn": endpoint.arn}

        return self.faults.carry_out("UpdateEndpoint", effect)

    @operation("sagemaker", "DeleteEndpoint", on=named("endpoint", "EndpointName"))
    def delete_endpoint(self, context: Context, request: Request) -> Response:
        endpoint = self._get("endpoint", request["EndpointName"])

        def effect() -> Response:
            if endpoint.status not in ("InService", "Failed"):
                raise ValidationError(f"Cannot delete in-progress endpoint {endpoint.arn}")
            endpoint.status = "Deleting"
            endpoint.looks_until_settled = self._looks
            return {}

        return self.faults.carry_out("DeleteEndpoint", effect)

    @operation("sagemaker", "CreateTrainingJob", on=named("training-job", "TrainingJobName"))
    def create_training_job(self, context: Context, request: Request) -> Response:
        return self._create(
            context, "training-job", "TrainingJobName", request, status="InProgress"
        )

    @operation("sagemaker", "DescribeTrainingJob", on=named("training-job", "TrainingJobName"))
    def describe_training_job(self, context: Context, request: Request) -> Response:
        job = self.things.get(("training-job", request["TrainingJobName"]))
        if job is None:
            raise ResourceNotFound
        answer = self._describe("training-job", job.name, "TrainingJob")
        answer.update(TrainingJobStatus=job.status, SecondaryStatus="Training")
        if job.failure:
            answer["FailureReason"] = job.failure
        return answer

    @operation("sagemaker", "StopTrainingJob", on=named("training-job", "TrainingJobName"))
    def stop_training_job(self, context: Context, request: Request) -> Response:
        job = self._get("training-job", request["TrainingJobName"])

        def effect() -> Response:
            job.status = "Stopped"
            return {}

        return self.faults.carry_out("StopTrainingJob", effect)

    @operation("sagemaker", "DeleteTrainingJob", on=named("training-job", "TrainingJobName"))
    def delete_training_job(self, context: Context, request: Request) -> Response:
        return self._delete("training-job", request["TrainingJobName"], [])

    @operation("sagemaker", "CreateHyperParameterTuningJob", on=_TUNING)
    def create_tuning_job(self, context: Context, request: Request) -> Response:
        return self._create(context, _TUNING_KIND, _TUNING_NAME, request, status="InProgress")

    @operation("sagemaker", "DescribeHyperParameterTuningJob", on=_TUNING)
    def describe_tuning_job(self, context: Context, request: Request) -> Response:
        job = self.things.get((_TUNING_KIND, request[_TUNING_NAME]))
        if job is None:
            raise ResourceNotFound
        answer = self._describe(_TUNING_KIND, job.name, "HyperParameterTuningJob")
        answer.update(HyperParameterTuningJobStatus=job.status, TrainingJobStatusCounters={})
        if job.failure:
            answer["FailureReason"] = job.failure
        return answer

    @operation("sagemaker", "StopHyperParameterTuningJob", on=_TUNING)
    def stop_tuning_job(self, context: Context, request: Request) -> Response:
        job = self._get(_TUNING_KIND, request[_TUNING_NAME])

        def effect() -> Response:
            job.status = "Stopped"
            return {}

        return self.faults.carry_out("StopHyperParameterTuningJob", effect)

    @operation("sagemaker", "DeleteHyperParameterTuningJob", on=_TUNING)
    def delete_tuning_job(self, context: Context, request: Request) -> Response:
        return self._delete(_TUNING_KIND, request[_TUNING_NAME], [])

    @operation("sagemaker", "CreateAutoMLJob", on=_AUTOPILOT)
    def create_autopilot_job(self, context: Context, request: Request) -> Response:
        return self._create(context, _AUTOPILOT_KIND, "AutoMLJobName", request, status="InProgress")

    @operation("sagemaker", "DescribeAutoMLJob", on=_AUTOPILOT)
    def describe_autopilot_job(self, context: Context, request: Request) -> Response:
        job = self.things.get((_AUTOPILOT_KIND, request["AutoMLJobName"]))
        if job is None:
            raise ResourceNotFound
        answer = self._describe(_AUTOPILOT_KIND, job.name, "AutoMLJob")
        answer.update(AutoMLJobStatus=job.status, AutoMLJobSecondaryStatus=job.status)
        if job.failure:
            answer["FailureReason"] = job.failure
        return answer

    @operation("sagemaker", "StopAutoMLJob", on=_AUTOPILOT)
    def stop_autopilot_job(self, context: Context, request: Request) -> Response:
        job = self._get(_AUTOPILOT_KIND, request["AutoMLJobName"])

        def effect() -> Response:
            job.status = "Stopped"
            return {}

        return self.faults.carry_out("StopAutoMLJob", effect)

    @operation("sagemaker", "CreateTransformJob", on=named("transform-job", "TransformJobName"))
    def create_transform_job(self, context: Context, request: Request) -> Response:
        self._get("model", request["ModelName"])
        return self._create(
            context, "transform-job", "TransformJobName", request, status="InProgress"
        )

    @operation("sagemaker", "DescribeTransformJob", on=named("transform-job", "TransformJobName"))
    def describe_transform_job(self, context: Context, request: Request) -> Response:
        job = self.things.get(("transform-job", request["TransformJobName"]))
        if job is None:
            raise ResourceNotFound
        answer = self._describe("transform-job", job.name, "TransformJob")
        answer["TransformJobStatus"] = job.status
        if job.failure:
            answer["FailureReason"] = job.failure
        return answer

    @operation("sagemaker", "StopTransformJob", on=named("transform-job", "TransformJobName"))
    def stop_transform_job(self, context: Context, request: Request) -> Response:
        job = self._get("transform-job", request["TransformJobName"])

        def effect() -> Response:
            job.status = "Stopped"
            return {}

        return self.faults.carry_out("StopTransformJob", effect)

    @operation("sagemaker", "AddTags", on=caller)
    def add_tags(self, context: Context, request: Request) -> Response:
        thing = self._by_arn(request["ResourceArn"])

        def effect() -> Response:
            thing.tags.update({tag["Key"]: tag["Value"] for tag in request["Tags"]})
            return {"Tags": []}

        return self.faults.carry_out("AddTags", effect)

    @operation("sagemaker", "DeleteTags", on=caller)
    def delete_tags(self, context: Context, request: Request) -> Response:
        thing = self._by_arn(request["ResourceArn"])

        def effect() -> Response:
            for key in request["TagKeys"]:
                thing.tags.pop(key, None)
            return {}

        return self.faults.carry_out("DeleteTags", effect)

    @operation("sagemaker", "ListTags", on=every("thing"))
    def list_tags(self, context: Context, request: Request) -> Response:
        tags = self._by_arn(request["ResourceArn"]).tags
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    @operation("logs", "DescribeLogStreams", on=caller)
    def describe_log_streams(self, context: Context, request: Request) -> Response:
        return {"logStreams": [{"logStreamName": f"{request['logStreamNamePrefix']}algo-1-1"}]}

    @operation("logs", "GetLogEvents", on=caller)
    def get_log_events(self, context: Context, request: Request) -> Response:
        return {"events": [{"message": f"line {number}", "timestamp": 1} for number in (1, 2)]}

    def _create(
        self,
        context: Context,
        kind: str,
        name_member: str,
        request: Request,
        *,
        status: str = "Created",
    ) -> Response:
        name = request[name_member]
        arn = sagemaker_arn(
            account=context.account,
            region=context.region,
            kind=kind,
            name=name.lower() if kind == "endpoint" else name,
        )

        def effect() -> Response:
            if (kind, name) in self.things:
                raise ResourceInUse(f"Cannot create already existing {kind} {name}")
            self.things[kind, name] = Thing(
                kind=kind,
                name=name,
                arn=arn,
                members={key: value for key, value in request.items() if key != "Tags"},
                tags={tag["Key"]: tag["Value"] for tag in request.get("Tags", [])},
                status=status,
                looks_until_settled=self._looks,
            )
            self.created.append(name)
            return {name_member.removesuffix("Name") + "Arn": arn}

        return self.faults.carry_out("Create" + name_member.removesuffix("Name"), effect)

    def _describe(self, kind: str, name: str, noun: str) -> Response:
        thing = self._get(kind, name)
        members = {key: value for key, value in thing.members.items() if key != "next"}
        now = datetime(2026, 1, 1, tzinfo=UTC)
        return {**members, f"{noun}Arn": thing.arn, "CreationTime": now}

    def _delete(self, kind: str, name: str, used: list[str]) -> Response:
        self._get(kind, name)

        def effect() -> Response:
            if name in used:
                raise ValidationError(f"Cannot delete {kind} {name}: it is in use")
            del self.things[kind, name]
            return {}

        return self.faults.carry_out(f"Delete {kind}", effect)

    def _get(self, kind: str, name: str) -> Thing:
        thing = self.things.get((kind, name))
        if thing is None:
            raise ValidationError(f'Could not find {kind} "{name}".')
        return thing

    def _by_arn(self, arn: str) -> Thing:
        for thing in self.things.values():
            if thing.arn == arn:
                return thing
        raise OperationError(f"nothing is {arn}")

    def _advance(self, endpoint: Thing) -> None:
        if endpoint.status in ("InService", "Failed"):
            return
        endpoint.looks_until_settled -= 1
        if endpoint.looks_until_settled > 0:
            return
        if endpoint.status == "Deleting":
            del self.things["endpoint", endpoint.name]
            return
        wanted = endpoint.members.get("next", endpoint.members["EndpointConfigName"])
        broken = self._is_broken(wanted)
        endpoint.failure = "the model cannot be loaded" if broken else None
        if not broken:
            endpoint.members["EndpointConfigName"] = wanted
        settled_badly = broken and endpoint.status == "Creating"
        endpoint.status = "Failed" if settled_badly else "InService"

    def _is_broken(self, config: str) -> bool:
        variants = self._get("endpoint-config", config).members["ProductionVariants"]
        models = [self._get("model", variant["ModelName"]) for variant in variants]
        images = {model.members["PrimaryContainer"]["Image"] for model in models}
        return bool(images & self.broken_images)
