"""What the launch options ask for beside settings of rooms: looked at, and made, at each start."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import structlog

from modelyard.arns import Arn, sagemaker_arn
from modelyard.assembly.ground import Ground
from modelyard.events.bus_event import DEFAULT_BUS
from modelyard.events.rules import RULE_KIND, row_name
from modelyard.identity.principals import root_of, session_of
from modelyard.launch_settings import OUTCOMES
from modelyard.operations.context import Context, Principal
from modelyard.operations.errors import OperationError
from modelyard.orchestrator.delivery.acting import pipeline_role_of
from modelyard.settings import Settings
from modelyard.store.errors import StoreError
from modelyard.store.resources import Scope

log = structlog.get_logger(__name__)

_NAMESPACE = uuid.UUID("6f1c2a52-0d3e-4f0e-8a51-6d6f64656c79")
_TARGET = "mail"
_EXAMPLE = "models/model.tar.gz"  # a key as those of archives

#: By the rule's name, what is told by mail: the reference's rules, and approvals.
_TOLD: Mapping[str, Mapping[str, Any]] = {
    "mlops-pipeline-results": {
        "source": ["aws.codepipeline"],
        "detail-type": ["CodePipeline Pipeline Execution State Change"],
        "detail": {"state": ["SUCCEEDED", "FAILED"]},
    },
    "mlops-stage-deployments": {
        "source": ["aws.codepipeline"],
        "detail-type": ["CodePipeline Action Execution State Change"],
        "detail": {
            "stage": ["DeployDev", "DeployStaging", "DeployProd"],
            "action": ["DeployDevStackSet", "DeployStagingStackSet", "DeployProdStackSet"],
            "state": ["SUCCEEDED", "FAILED"],
        },
    },
    "mlops-approvals": {
        "source": ["aws.codepipeline"],
        "detail-type": ["CodePipeline Action Execution State Change"],
        "detail": {"action": ["DeployStaging", "DeployProd"]},
    },
    "mlops-training-jobs": {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Training Job State Change"],
        "detail": {"TrainingJobStatus": ["Completed", "Failed", "Stopped"]},
    },
    "mlops-tuning-jobs": {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker HyperParameter Tuning Job State Change"],
        "detail": {"HyperParameterTuningJobStatus": ["Completed", "Failed", "Stopped"]},
    },
    "mlops-transform-jobs": {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Transform Job State Change"],
        "detail": {"TransformJobStatus": ["Completed", "Failed", "Stopped"]},
    },
}


def launch(ground: Ground) -> None:
    """Carry the launch options out; again at each start, with the same end.

    Raises:
        StoreError: what is there already does not meet what is asked of it.
    """
    settings = ground.settings
    problems = list(_assets_problems(ground)) if settings.existing_assets_bucket else []
    if problems:
        raise StoreError(
            f"the assets bucket {settings.existing_assets_bucket} cannot be used:\n  "
            + "\n  ".join(problems)
        )
    if settings.create_model_registry:
        _establish_registry(ground)
    _tell_by_mail(ground)


def registry_name(settings: Settings) -> str:
    """Return the name of the model package group that the launch makes."""
    return f"mlops-model-registry-{uuid.uuid5(_NAMESPACE, settings.account).hex[:8]}"


def _assets_problems(ground: Ground) -> Iterator[str]:
    """Yield what the assets bucket lacks; what is only recommended is logged."""
    settings, objects = ground.settings, ground.objects
    bucket = settings.existing_assets_bucket
    if not objects.of(settings.account).has_bucket(bucket):
        yield (
            f"there is no such bucket in the account {settings.account}: create it, with "
            "'aws s3 mb' while the server runs without this option, or use --assets-bucket"
        )
        return
    default = objects.of(settings.account).vault.defaults.get(bucket)
    if default is None:
        log.warning(
            "the assets bucket has no default encryption, which is recommended", bucket=bucket
        )
    hub = _pipeline(settings.account)
    if not _may(ground, hub, "s3:GetObject", bucket):
        yield f"the role {hub.role} may not read it: allow it s3:GetObject there"
    for stage, account in settings.stage_accounts().items():
        if account.provider != "local":
            continue  # archives are not carried there, which its own delivery says
        own = settings.assets_bucket_of(account.id)
        role = _pipeline(account.id)
        if not _may(ground, role, "s3:PutObject", own):
            yield (
                f"the {stage} account {account.id} gets no archives of it: allow {role.role} "
                f"s3:PutObject on {own}"
            )
    key = "" if default is None else default.key
    scope = Scope(account=settings.account, region=settings.region)
    refused = ground.keys.problem(scope, hub.role, key, reads=True) if key else None
    if refused is not None:
        yield f"it is encrypted, and the role {hub.role} cannot open it: {refused}"


def _may(ground: Ground, principal: Principal, action: str, bucket: str) -> bool:
    context = _context(ground.settings, principal)
    resource = f"arn:aws:s3:::{bucket}/{_EXAMPLE}"
    return ground.table.decide(context, action, resource, {}).allowed


def _establish_registry(ground: Ground) -> None:
    """Make the model package group, which stays when it is no longer asked for."""
    settings, name = ground.settings, registry_name(ground.settings)
    root = _context(settings, root_of(settings.account))
    try:
        ground.table.call(
            root, "sagemaker", "DescribeModelPackageGroup", {"ModelPackageGroupName": name}
        )
    except OperationError:  # there is none yet
        ground.table.call(
            root,
            "sagemaker",
            "CreateModelPackageGroup",
            {
                "ModelPackageGroupName": name,
                "ModelPackageGroupDescription": "Made by the launch option create_model_registry",
            },
        )
    accounts = [account.id for account in settings.stage_accounts().values()]
    if accounts:
        ground.table.call(
            root,
            "sagemaker",
            "PutModelPackageGroupPolicy",
            {
                "ModelPackageGroupName": name,
                "ResourcePolicy": json.dumps(_shared(settings, name, accounts)),
            },
        )
    log.info("model registry", model_package_group=name, shared_with=accounts)


def _shared(settings: Settings, name: str, accounts: Sequence[str]) -> dict[str, Any]:
    group, version = (
        sagemaker_arn(account=settings.account, region=settings.region, kind=kind, name=named)
        for kind, named in (("model-package-group", name), ("model-package", f"{name}/*"))
    )
    principal = {"AWS": [f"arn:aws:iam::{account}:root" for account in accounts]}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "StagesLook",
                "Effect": "Allow",
                "Principal": principal,
                "Action": ["sagemaker:DescribeModelPackageGroup"],
                "Resource": group,
            },
            {
                "Sid": "StagesDeploy",
                "Effect": "Allow",
                "Principal": principal,
                "Action": [
                    "sagemaker:DescribeModelPackage",
                    "sagemaker:ListModelPackages",
                    "sagemaker:UpdateModelPackage",
                    "sagemaker:CreateModel",
                ],
                "Resource": version,
            },
        ],
    }


def _tell_by_mail(ground: Ground) -> None:
    """Have outcomes told to whom the settings name, or to nobody any more."""
    settings = ground.settings
    root = _context(settings, root_of(settings.account))
    call = ground.table.call
    topic = Arn(service="sns", region=settings.region, account=settings.account, resource=OUTCOMES)
    for name, pattern in _TOLD.items():
        if settings.notification_email:
            call(root, "events", "PutRule", {"Name": name, "EventPattern": json.dumps(pattern)})
            targets = [{"Id": _TARGET, "Arn": str(topic)}]
            call(root, "events", "PutTargets", {"Rule": name, "Targets": targets})
        elif _is_there(ground, root, name):
            call(root, "events", "RemoveTargets", {"Rule": name, "Ids": [_TARGET]})
            call(root, "events", "DeleteRule", {"Name": name})


def _is_there(ground: Ground, root: Context, rule: str) -> bool:
    scope = Scope(account=root.account, region=root.region)
    with ground.store.read() as snapshot:
        return snapshot.find(scope, RULE_KIND, row_name(DEFAULT_BUS, rule)) is not None


def _pipeline(account: str) -> Principal:
    return session_of(pipeline_role_of(account), "launch")


def _context(settings: Settings, principal: Principal) -> Context:
    return Context(
        account=principal.account,
        region=settings.region,
        principal=principal,
        request_id=str(uuid.uuid4()),
        source="in-process",
    )
