"""The models that analyses ask: found by name, and only where the job's role may use them."""

from __future__ import annotations

import uuid
from functools import partial

from modelyard.assembly.ground import Ground
from modelyard.containers.catalogue import Catalogue
from modelyard.hosting.endpoint_operations import find_endpoint
from modelyard.hosting.model_lookup import find_model_whatever_case
from modelyard.hosting.model_operations import archive_url, artifact_of, container_of
from modelyard.identity.principals import session_of
from modelyard.jobs.data_error import DataError
from modelyard.jobs.model import JobModel
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.processing.analysis import Analysis
from modelyard.processing.predictor import Models
from modelyard.store.encryption.data_keys import DataKeys, NoKeys
from modelyard.store.resources import Json, Resource

#: What a job's role needs: to call an endpoint, or to look at a model, whose archive its own role
#: reads. A private copy changes nothing that anybody else is served by, so nobody needs to be
#: allowed to deploy.
_OF_ENDPOINT, _OF_MODEL = "sagemaker:InvokeEndpoint", "sagemaker:DescribeModel"


def models_of(ground: Ground, images: Catalogue) -> Models:
    """Return what processing jobs are to know of models."""
    return Models(
        find=partial(_found, ground),
        image_of=partial(images.image_of, purpose="serve"),
        keys_of=partial(_keys_of, ground),
    )


def job_model(model: Resource) -> JobModel:
    """Return what a job needs of a model.

    Raises:
        ValidationError: it has no archive.
    """
    return _model(
        model.name,
        container_of(model),
        artifact_of(model),
        account=model.scope.account,
        role=model.spec.get("ExecutionRoleArn"),
        isolated=model.spec.get("EnableNetworkIsolation", False),
    )


def _found(ground: Ground, job: Resource, wanted: Analysis) -> JobModel:
    context = _context(job)
    member, name = (
        ("predictor.model_name", wanted.model)
        if wanted.model
        else ("predictor.endpoint_name", wanted.endpoint)
    )
    try:
        with ground.store.read() as snapshot:
            if wanted.model:
                model = find_model_whatever_case(snapshot, context, wanted.model)
                action, arn, found = _OF_MODEL, model.arn, job_model(model)
            else:
                endpoint = find_endpoint(snapshot, context, wanted.endpoint or "")
                action, arn, found = _OF_ENDPOINT, endpoint.arn, _served(endpoint)
    except ValidationError as error:
        raise DataError(f"{member} {name!r}: {error}") from error
    refusal = ground.table.decide(context, action, arn, {}).refusal
    if refusal:
        raise DataError(f"{member} {name!r}: the job's role may not use it. {refusal}")
    return found


def _served(endpoint: Resource) -> JobModel:
    """Return the model of an endpoint's variant with the largest weight."""
    plan = endpoint.observed.get("live")
    if not plan:
        raise ValidationError(
            f"endpoint {endpoint.name} is {endpoint.status} and serves no model: wait until it is "
            "InService"
        )
    variant = max(plan["variants"], key=lambda variant: float(variant["weight"]))
    return _model(
        variant["model_name"],
        variant["container"],
        variant.get("artifact"),
        account=endpoint.scope.account,
        role=variant.get("role"),
        isolated=bool(variant.get("isolated")),
    )


def _model(
    name: str,
    container: Json,
    artifact: Json | None,
    *,
    account: str,
    role: str | None,
    isolated: bool,
) -> JobModel:
    archive = archive_url(container)
    if archive is None:
        raise ValidationError(f"The model {name} has no archive: give it a ModelDataUrl")
    return JobModel(
        name=name,
        image=container["Image"],
        archive=archive,
        account=account if artifact is None else artifact["account"],
        sha256=None if artifact is None else artifact["sha256"],
        environment=container.get("Environment", {}),
        role=role,
        isolated=isolated,
    )


def _keys_of(ground: Ground, job: Resource, role: str | None) -> DataKeys:
    # Without a role a model is nobody, and may use no key.
    return NoKeys() if role is None else ground.keys.of_role(job.scope, role, job.name)


def _context(job: Resource) -> Context:
    return Context(
        account=job.scope.account,
        region=job.scope.region,
        principal=session_of(job.spec["RoleArn"], job.name),
        request_id=str(uuid.uuid4()),
        source="in-process",
    )
