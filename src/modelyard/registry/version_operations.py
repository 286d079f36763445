"""Model packages: create, describe, list, update, delete."""

from __future__ import annotations

from typing import Any

from modelyard.arns import Arn
from modelyard.operations.context import Context
from modelyard.operations.errors import OperationError, ValidationError
from modelyard.operations.requests import scope_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import every, given, named
from modelyard.registry.descriptions import describe_version, summarise_version
from modelyard.registry.references import (
    VERSION,
    Reference,
    find_group,
    find_version,
    group_of,
    members_of_group,
    version_of,
)
from modelyard.registry.registration import Registration
from modelyard.registry.sharing import require_shared
from modelyard.registry.version_changes import VersionChanges
from modelyard.store.errors import BadPageToken
from modelyard.store.resources import Resource, Scope, Snapshot, Store
from modelyard.store.search import AllOf, Condition, Criterion, Operator, Search
from modelyard.store.search_pages import search

_DEFAULT_PAGE_SIZE = 10


class VersionOperations:
    """What can be asked of model packages."""

    def __init__(self, store: Store, registration: Registration, changes: VersionChanges) -> None:
        self._store = store
        self._registration = registration
        self._changes = changes

    @operation("sagemaker", "CreateModelPackage", on=members_of_group)
    def create_model_package(self, context: Context, request: Request) -> Response:
        return {"ModelPackageArn": self._registration.register(context, request).arn}

    @operation("sagemaker", "DescribeModelPackage", on=named(VERSION, "ModelPackageName"))
    def describe_model_package(self, context: Context, request: Request) -> Response:
        reference = version_of(context, request["ModelPackageName"])
        with self._store.read() as snapshot:
            require_shared(snapshot, context, "sagemaker:DescribeModelPackage", reference)
            return describe_version(find_version(snapshot, reference))

    @operation("sagemaker", "BatchDescribeModelPackage", on=every(VERSION))
    def batch_describe_model_package(self, context: Context, request: Request) -> Response:
        described: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        with self._store.read() as snapshot:
            for arn in request["ModelPackageArnList"]:
                try:
                    described[arn] = self._batched(snapshot, context, arn)
                except OperationError as error:
                    errors[arn] = {"ErrorCode": error.code, "ErrorResponse": error.message}
        return {
            "ModelPackageSummaries": described,
            "BatchDescribeModelPackageErrorMap": errors,
        }

    @operation("sagemaker", "ListModelPackages", on=members_of_group)
    def list_model_packages(self, context: Context, request: Request) -> Response:
        scope, condition = scope_of(context), _condition(request)
        with self._store.read() as snapshot:
            if "ModelPackageGroupName" in request:
                group = group_of(context, request["ModelPackageGroupName"])
                scope = group.scope
                members = Reference(scope=scope, kind=VERSION, name=f"{group.name}/*")
                require_shared(snapshot, context, "sagemaker:ListModelPackages", members)
                find_group(snapshot, group)
                condition = AllOf(
                    conditions=(_is("ModelPackageGroupName", "eq", group.name), condition)
                )
            found, token = self._page(snapshot, scope, condition, request)
        return {
            "ModelPackageSummaryList": [summarise_version(version) for version in found],
            "NextToken": token,
        }

    @operation("sagemaker", "UpdateModelPackage", on=given("ModelPackageArn"))
    def update_model_package(self, context: Context, request: Request) -> Response:
        return {"ModelPackageArn": self._changes.update(context, request).arn}

    @operation("sagemaker", "DeleteModelPackage", on=named(VERSION, "ModelPackageName"))
    def delete_model_package(self, context: Context, request: Request) -> Response:
        reference = version_of(context, request["ModelPackageName"])
        with self._store.write() as transaction:
            require_shared(transaction, context, "sagemaker:DeleteModelPackage", reference)
            transaction.delete(find_version(transaction, reference))
        return {}

    def _batched(self, snapshot: Snapshot, context: Context, arn: str) -> dict[str, Any]:
        reference = version_of(context, str(Arn.parse(arn)) if arn.startswith("arn:") else arn)
        require_shared(snapshot, context, "sagemaker:DescribeModelPackage", reference)
        version = find_version(snapshot, reference)
        summary = summarise_version(version)
        summary.setdefault("ModelPackageGroupName", "")
        return {
            **summary,
            "InferenceSpecification": version.spec.get("InferenceSpecification", {}),
        }

    def _page(
        self, snapshot: Snapshot, scope: Scope, condition: Condition, request: Request
    ) -> tuple[list[Resource], str | None]:
        by_name = request.get("SortBy") == "Name"
        asked = Search(
            condition=condition,
            sort_by="ModelPackageArn" if by_name else None,
            descending=request.get("SortOrder", "Descending") == "Descending",
            limit=request.get("MaxResults", _DEFAULT_PAGE_SIZE),
            token=request.get("NextToken"),
        )
        try:
            page = search(snapshot, scope, VERSION, asked)
        except BadPageToken as error:
            raise ValidationError(str(error)) from error
        return list(page.items), page.token


def _condition(request: Request) -> Condition:
    """Return what a list asks for; without a group, the packages without versions by default."""
    found: list[Criterion] = []
    if "NameContains" in request:
        found.append(_is("ModelPackageArn", "contains", request["NameContains"]))
    if "ModelApprovalStatus" in request:
        found.append(_is("ModelApprovalStatus", "eq", request["ModelApprovalStatus"]))
    if "CreationTimeAfter" in request:
        found.append(_is("CreationTime", "gt", request["CreationTimeAfter"].isoformat()))
    if "CreationTimeBefore" in request:
        found.append(_is("CreationTime", "lt", request["CreationTimeBefore"].isoformat()))
    if "ModelPackageGroupName" not in request:
        kind = request.get("ModelPackageType", "Unversioned")
        if kind != "Both":
            versioned = kind == "Versioned"
            found.append(_is("ModelPackageVersion", "exists" if versioned else "missing"))
    return AllOf(conditions=tuple(found))


def _is(path: str, operator: Operator, *values: str) -> Criterion:
    return Criterion(path=path, operator=operator, values=values)
