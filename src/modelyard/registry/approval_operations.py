"""The approval policy: put, get, delete; and how a version stands by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelyard.arns import sagemaker_arn
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.operations.requests import scope_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import named
from modelyard.registry.approval_rules import (
    EVERY_GROUP,
    KIND,
    policy_of,
    problems,
    rule_for,
)
from modelyard.registry.approvals import Approvals
from modelyard.registry.references import (
    GROUP,
    VERSION,
    Reference,
    find_group,
    find_version,
    group_of,
    version_of,
)
from modelyard.registry.sharing import require_shared
from modelyard.registry.version_changes import subject_of
from modelyard.store.resources import Scope, Store


def _policy(context: Context, request: Mapping[str, Any]) -> str:
    """The group's ARN, or that of the account's policy."""
    group = request.get("ModelPackageGroupName")
    if isinstance(group, str) and group:
        return named(GROUP, "ModelPackageGroupName")(context, request)
    return _arn(scope_of(context), EVERY_GROUP)


class ApprovalOperations:
    """What can be asked of the approval policy of the caller's account."""

    def __init__(self, store: Store, approvals: Approvals) -> None:
        self._store = store
        self._approvals = approvals

    @operation("modelyard", "PutApprovalPolicy", on=_policy)
    def put_approval_policy(self, context: Context, request: Request) -> Response:
        found = problems(request["Policy"])
        if found:
            raise ValidationError.of(found)
        group = _group(context, request)
        name = EVERY_GROUP if group is None else f"{GROUP}/{group.name}"
        scope = scope_of(context)
        with self._store.write() as transaction:
            if group is not None:
                find_group(transaction, group)
            there = transaction.find(scope, KIND, name)
            spec = {"Policy": request["Policy"]}
            if there is None:
                transaction.create(
                    scope, KIND, name, arn=_arn(scope, name), spec=spec, status="Active"
                )
            else:
                transaction.update(there, spec=spec)
        return self._described(context, group)

    @operation("modelyard", "GetApprovalPolicy", on=_policy)
    def get_approval_policy(self, context: Context, request: Request) -> Response:
        return self._described(context, _group(context, request))

    @operation("modelyard", "DeleteApprovalPolicy", on=_policy)
    def delete_approval_policy(self, context: Context, request: Request) -> Response:
        group = _group(context, request)
        name = EVERY_GROUP if group is None else f"{GROUP}/{group.name}"
        with self._store.write() as transaction:
            there = transaction.find(scope_of(context), KIND, name)
            if there is None:
                raise ValidationError(
                    "There is no approval policy of "
                    f"{'this account' if group is None else group.arn} to delete"
                )
            transaction.delete(there)
        return self._described(context, group)

    @operation("modelyard", "DescribeApproval", on=named(VERSION, "ModelPackageName"))
    def describe_approval(self, context: Context, request: Request) -> Response:
        reference = version_of(context, request["ModelPackageName"])
        with self._store.read() as snapshot:
            require_shared(snapshot, context, "sagemaker:DescribeModelPackage", reference)
            version = find_version(snapshot, reference)
            observed = version.observed
            life_cycle = observed.get("ModelLifeCycle") or {}
            stage = request.get("Stage", life_cycle.get("Stage"))
            policy, origin = policy_of(snapshot, reference.scope, reference.group)
            history = list(observed["Approvals"])
            subject = subject_of(version, dict(version.spec), history)
            rule = rule_for(policy, stage)
            return {
                "ModelPackageArn": version.arn,
                "ModelApprovalStatus": observed.get("ModelApprovalStatus", ""),
                "Author": observed["Author"],
                "Approvals": history,
                "Artifacts": observed.get("Artifacts", []),
                "Rule": {
                    "Stages": list(rule.stages),
                    "AuthorMayApprove": rule.author_may_approve,
                    "Personas": list(rule.personas),
                    "Principals": list(rule.principals),
                    "RequiredApprovals": rule.required_approvals,
                    "Evidence": list(rule.evidence),
                },
                "Origin": origin,
                "Missing": self._approvals.missing(snapshot, subject, stage),
            }

    def _described(self, context: Context, group: Reference | None) -> Response:
        with self._store.read() as snapshot:
            policy, origin = policy_of(
                snapshot, scope_of(context), None if group is None else group.name
            )
        described: Response = {"Policy": policy, "Origin": origin}
        if group is not None:
            described["ModelPackageGroupName"] = group.name
        return described


def _group(context: Context, request: Request) -> Reference | None:
    if "ModelPackageGroupName" not in request:
        return None
    group = group_of(context, request["ModelPackageGroupName"])
    if group.scope != scope_of(context):
        raise ValidationError(
            f"{group.arn} is of another account or region: its owner decides how it is approved"
        )
    return group


def _arn(scope: Scope, name: str) -> str:
    return sagemaker_arn(account=scope.account, region=scope.region, kind=KIND, name=name)
