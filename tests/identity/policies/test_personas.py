"""What each persona may and may not do, as a table: the shipped policies, read aloud."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import pytest

import modelyard
from modelyard.api.s3.actions import ACTIONS
from modelyard.identity.personas import JOB, PERSONAS
from modelyard.identity.policies.book import shipped_policies
from modelyard.identity.policies.checking import PolicyChecker
from modelyard.identity.principals import root_of, user_of
from modelyard.operations.context import Context
from modelyard.operations.schema import Schema
from modelyard.operations.targets import Target
from modelyard.store.resources import Scope
from tests.identity.world import ACCOUNT, World

ACCOUNTS = {
    "orchestrator": ACCOUNT,
    "dev": "234567890123",
    "staging": "345678901234",
    "prod": "456789012345",
}
STAGES = tuple(ACCOUNTS)
APPROVED = {"ModelApprovalStatus": "Approved"}
FOR_STAGING = {"ModelLifeCycle": {"Stage": "Staging", "StageStatus": "Approved"}}
FOR_PRODUCTION = {"ModelLifeCycle": {"Stage": "Production", "StageStatus": "Approved"}}
ASKED_FOR_PRODUCTION = {"ModelLifeCycle": {"Stage": "Production", "StageStatus": "PendingApproval"}}

#: Each line: what is done, with which members, and in which stages each persona may.
EVERYWHERE = "orchestrator dev staging prod"
#: Who sees how pipelines are configured, and what they made.
LOOKERS = (
    "data-scientist",
    "ml-engineer",
    "ai-engineer",
    "governance-officer",
    "auditor",
    "orchestrator-administrator",
)
TABLE: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    (
        "sagemaker:DescribeModel",
        {},
        dict.fromkeys((*PERSONAS, JOB), EVERYWHERE),
    ),
    (
        "mlflow:Read",
        {},
        dict.fromkeys((*(name for name in PERSONAS if name != "data-owner"), JOB), EVERYWHERE),
    ),
    (
        "mlflow:Write",
        {},
        {
            "data-scientist": "orchestrator dev",
            "ml-engineer": "orchestrator dev staging",
            "orchestrator-administrator": EVERYWHERE,
            "pipeline-role": EVERYWHERE,
            JOB: EVERYWHERE,
        },
    ),
    (
        "mlflow:Delete",
        {},
        {
            "data-scientist": "orchestrator dev",
            "ml-engineer": "orchestrator dev staging",
            "orchestrator-administrator": EVERYWHERE,
        },
    ),
    (
        "sagemaker:CreateTrainingJob",
        {},
        {
            "data-scientist": "orchestrator dev",
            "ml-engineer": "orchestrator dev staging",
            "orchestrator-administrator": EVERYWHERE,
            "pipeline-role": EVERYWHERE,
            JOB: EVERYWHERE,
        },
    ),
    (
        "sagemaker:CreateEndpoint",
        {},
        {
            "data-scientist": "orchestrator dev",
            "ml-engineer": "orchestrator dev staging",
            "ai-engineer": "orchestrator dev staging",
            "orchestrator-administrator": EVERYWHERE,
            "pipeline-role": EVERYWHERE,
            JOB: "orchestrator dev staging",
        },
    ),
    (
        "sagemaker:InvokeEndpoint",
        {},
        {
            "data-scientist": "orchestrator dev",
            "ml-engineer": "orchestrator dev staging",
            "ai-engineer": "orchestrator dev staging",
            "orchestrator-administrator": EVERYWHERE,
            "pipeline-role": EVERYWHERE,
            JOB: EVERYWHERE,
        },
    ),
    (
        "sagemaker:CreateModelPackage",
        {},
        {
            "data-scientist": "orchestrator dev",
            "ml-engineer": "orchestrator dev staging",
            "orchestrator-administrator": EVERYWHERE,
            "pipeline-role": EVERYWHERE,
            JOB: EVERYWHERE,
        },
    ),
    (
        "sagemaker:CreateModelPackage",
        APPROVED,
        {
            "data-scientist": "dev",
            "ml-engineer": "orchestrator dev staging",
            "orchestrator-administrator": EVERYWHERE,
        },
    ),
    (
        "sagemaker:UpdateModelPackage",
        APPROVED,
        {
            "data-scientist": "dev",
            "ml-engineer": "orchestrator dev staging",
            "ai-engineer": EVERYWHERE,
            "governance-officer": EVERYWHERE,
            "orchestrator-administrator": EVERYWHERE,
        },
    ),
    (
        "sagemaker:UpdateModelPackage",
        FOR_STAGING,
        {
            "data-scientist": "dev",
            "ml-engineer": "orchestrator dev staging",
            "ai-engineer": EVERYWHERE,
            "governance-officer": EVERYWHERE,
            "orchestrator-administrator": EVERYWHERE,
            JOB: EVERYWHERE,
        },
    ),
    ("sagemaker:UpdateModelPackage", FOR_PRODUCTION, {"governance-officer": EVERYWHERE}),
    (
        "sagemaker:UpdateModelPackage",
        {**ASKED_FOR_PRODUCTION, **APPROVED},
        {"governance-officer": EVERYWHERE},
    ),
    (
        "sagemaker:UpdateModelPackage",
        ASKED_FOR_PRODUCTION,
        {
            "data-scientist": "dev",
            "ml-engineer": "orchestrator dev staging",
            "ai-engineer": EVERYWHERE,
            "governance-officer": EVERYWHERE,
            "orchestrator-administrator": EVERYWHERE,
            "pipeline-role": EVERYWHERE,
            JOB: EVERYWHERE,
        },
    ),
    (
        "sagemaker:PutModelPackageGroupPolicy",
        {},
        {
            "ml-engineer": "orchestrator dev staging",
            "orchestrator-administrator": EVERYWHERE,
        },
    ),
    (
        "sagemaker:UpdateModelCard",
        {},
        {
            "data-scientist": "orchestrator dev",
            "ml-engineer": "orchestrator dev staging",
            "governance-officer": EVERYWHERE,
            "orchestrator-administrator": EVERYWHERE,
            "pipeline-role": EVERYWHERE,
            JOB: EVERYWHERE,
        },
    ),
    (
        "modelyard:PutApprovalPolicy",
        {},
        {"governance-officer": EVERYWHERE, "orchestrator-administrator": EVERYWHERE},
    ),
    (
        "s3:GetObject",
        {},
        {
            "data-scientist": "orchestrator dev",
            "ml-engineer": "orchestrator dev staging",
            "ai-engineer": EVERYWHERE,
            "governance-officer": EVERYWHERE,
            "data-owner": EVERYWHERE,
            "auditor": EVERYWHERE,
            "orchestrator-administrator": EVERYWHERE,
            "pipeline-role": EVERYWHERE,
            JOB: EVERYWHERE,
        },
    ),
    (
        "s3:DeleteBucket",
        {},
        {
            "ml-engineer": "orchestrator dev staging",
            "data-owner": EVERYWHERE,
            "orchestrator-administrator": EVERYWHERE,
        },
    ),
    (
        "kms:PutKeyPolicy",
        {},
        {"data-owner": EVERYWHERE, "orchestrator-administrator": EVERYWHERE},
    ),
    (
        "kms:Decrypt",
        {},
        {
            "data-scientist": "orchestrator dev",
            "ml-engineer": "orchestrator dev staging",
            "ai-engineer": "orchestrator dev staging",
            "data-owner": EVERYWHERE,
            "orchestrator-administrator": EVERYWHERE,
            "pipeline-role": EVERYWHERE,
            JOB: EVERYWHERE,
        },
    ),
    (
        "events:PutRule",
        {},
        {
            "ml-engineer": "orchestrator dev staging",
            "orchestrator-administrator": EVERYWHERE,
        },
    ),
    (
        "modelyard:LookupAuditRecords",
        {},
        {
            "governance-officer": EVERYWHERE,
            "auditor": EVERYWHERE,
            "orchestrator-administrator": EVERYWHERE,
        },
    ),
    (
        "modelyard:VerifyAuditTrail",
        {},
        {
            "governance-officer": EVERYWHERE,
            "auditor": EVERYWHERE,
            "orchestrator-administrator": EVERYWHERE,
        },
    ),
    ("modelyard:CreatePerson", {}, {"orchestrator-administrator": EVERYWHERE}),
    ("iam:CreateRole", {}, {"orchestrator-administrator": EVERYWHERE}),
    (
        "modelyard:ProvisionPipeline",
        {},
        {
            "data-scientist": "orchestrator dev",
            "ml-engineer": "orchestrator dev staging",
            "ai-engineer": "orchestrator dev staging",
            "orchestrator-administrator": EVERYWHERE,
            "pipeline-role": EVERYWHERE,
        },
    ),
    ("codecommit:GitPull", {}, dict.fromkeys(LOOKERS, EVERYWHERE)),
    ("resourcegroupstaggingapi:GetResources", {}, dict.fromkeys(LOOKERS, EVERYWHERE)),
    (
        "codecommit:GitPush",
        {},
        {
            "data-scientist": "orchestrator dev",
            "ml-engineer": "orchestrator dev staging",
            "ai-engineer": "orchestrator dev staging",
            "orchestrator-administrator": EVERYWHERE,
        },
    ),
]


def context_in(account: str) -> Context:
    return Context(
        account=account,
        region="us-east-1",
        principal=root_of(account),
        request_id="r",
        source="192.0.2.1",
    )


@pytest.mark.parametrize(
    ("action", "request_", "expected"),
    TABLE,
    ids=[f"{line[0]}-{number}" for number, line in enumerate(TABLE)],
)
def test_each_persona_may_do_its_work_and_no_more(
    home: World, action: str, request_: dict[str, Any], expected: dict[str, str]
) -> None:
    found = {}
    for persona in (*PERSONAS, JOB):
        stages = []
        for stage, account in ACCOUNTS.items():
            subject = home.permissions.subject_with(persona, account)
            resource = f"arn:aws:{action.partition(':')[0]}:us-east-1:{account}:thing/x"
            context = context_in(account)
            if home.permissions.examine(subject, context, action, resource, request_).allowed:
                stages.append(stage)
        if stages:
            found[persona] = " ".join(stages)
    assert found == expected


def test_a_version_that_is_in_production_is_decided_on_by_governance_only(home: World) -> None:
    arn = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package/g/1"
    with home.store.write() as transaction:
        transaction.create(
            Scope(account=ACCOUNT, region="us-east-1"),
            "model-package",
            "g/1",
            arn=arn,
            spec={},
            status="Completed",
            observed={"ModelLifeCycle": {"Stage": "Production", "StageStatus": "PendingApproval"}},
        )
    may = [
        persona
        for persona in PERSONAS
        if home.permissions.examine(
            home.permissions.subject_with(persona, ACCOUNT),
            context_in(ACCOUNT),
            "sagemaker:UpdateModelPackage",
            arn,
            APPROVED,
        ).allowed
    ]
    assert may == ["governance-officer"]


@pytest.mark.parametrize("kind", ["audit-record/1", "policy/guardrail-audit-records"])
def test_not_even_root_deletes_audit_records_and_guardrails(home: World, kind: str) -> None:
    arn = f"arn:aws:modelyard::{ACCOUNT}:{kind}"
    found = home.permissions.decide(home.context(), "modelyard:DeleteThing", arn, {})
    assert not found.allowed
    assert found.policies[0].startswith("guardrail-")


def every_operation() -> dict[str, Target]:
    """Return the target of every operation that any class of the package marks, by its action."""
    found: dict[str, Target] = {}
    for module in pkgutil.walk_packages(modelyard.__path__, "modelyard."):
        if any(part in module.name for part in (".images", ".migrations", "__main__")):
            continue  # programs of jobs: they offer nothing
        for class_ in vars(importlib.import_module(module.name)).values():
            for method in vars(class_).values() if isinstance(class_, type) else ():
                mark = getattr(method, "__modelyard_operation__", None)
                if mark is not None:
                    found[f"{mark[0]}:{mark[1]}"] = mark[2]
    return found


def test_no_operation_is_allowed_to_who_has_no_persona_and_each_to_somebody(home: World) -> None:
    nobody = user_of(f"arn:aws:iam::{ACCOUNT}:user/nobody")
    strange, own = home.context(nobody), home.context()
    operations = every_operation()
    assert len(operations) > 100
    open_to_nobody, closed_to_all = [], []
    for action, target in operations.items():
        for resource in ("*", target(strange, {})):
            if home.permissions.decide(strange, action, resource, {}).allowed:
                open_to_nobody.append(action)
        if not home.permissions.decide(own, action, target(own, {}), {}).allowed:
            closed_to_all.append(action)
    assert open_to_nobody == []
    # These two need a role whose trust policy lets one in.
    assert set(closed_to_all) <= {"sts:AssumeRole", "sts:AssumeRoleWithWebIdentity"}


def test_the_shipped_policies_speak_of_what_there_is() -> None:
    checker = PolicyChecker(Schema(), lambda: [*every_operation(), *ACTIONS])
    assert checker(shipped_policies()) == []
    assert all(policy.comment.endswith(".") for policy in shipped_policies())
    assert all("#" not in policy.id for policy in shipped_policies())
