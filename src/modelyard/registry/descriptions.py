"""How groups and versions are described."""

from __future__ import annotations

from typing import Any

from modelyard.operations.context import Context
from modelyard.store.resources import Json, Resource

#: Members of the request that a description repeats.
_REPEATED = (
    "ModelPackageDescription",
    "ModelPackageRegistrationType",
    "InferenceSpecification",
    "SourceAlgorithmSpecification",
    "ValidationSpecification",
    "MetadataProperties",
    "ModelMetrics",
    "Domain",
    "Task",
    "SamplePayloadUrl",
    "CustomerMetadataProperties",
    "DriftCheckBaselines",
    "AdditionalInferenceSpecifications",
    "SkipModelValidation",
    "SourceUri",
    "SecurityConfig",
    "ModelCard",
    "ManagedStorageType",
)


def user_context(context: Context) -> dict[str, Any]:
    """Return who calls, as the API writes it; `SourceIdentity` is the person behind a session."""
    principal = context.principal
    return {
        "IamIdentity": {
            "Arn": principal.arn,
            "PrincipalId": principal.user_id,
            "SourceIdentity": principal.person,
        }
    }


def describe_group(group: Resource) -> dict[str, Any]:
    """Return what DescribeModelPackageGroup answers."""
    return {
        **summarise_group(group),
        "CreatedBy": group.observed["CreatedBy"],
    }


def summarise_group(group: Resource) -> dict[str, Any]:
    """Return a group as a list shows it."""
    described = {
        "ModelPackageGroupName": group.name,
        "ModelPackageGroupArn": group.arn,
        "CreationTime": group.created_at,
        "ModelPackageGroupStatus": group.status,
    }
    if "ModelPackageGroupDescription" in group.spec:
        described["ModelPackageGroupDescription"] = group.spec["ModelPackageGroupDescription"]
    return described


def describe_version(version: Resource) -> dict[str, Any]:
    """Return what DescribeModelPackage answers; also what a search finds a version by."""
    spec, observed = version.spec, version.observed
    described = {
        **summarise_version(version),
        **{name: spec[name] for name in _REPEATED if name in spec},
        "CertifyForMarketplace": spec.get("CertifyForMarketplace", False),
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "CreatedBy": observed["CreatedBy"],
        "LastModifiedTime": version.modified_at,
        "LastModifiedBy": observed["LastModifiedBy"],
    }
    if "ApprovalDescription" in observed:
        described["ApprovalDescription"] = observed["ApprovalDescription"]
    return described


def summarise_version(version: Resource) -> dict[str, Any]:
    """Return a version as a list shows it."""
    spec, observed = version.spec, version.observed
    summary: dict[str, Any] = {
        "ModelPackageArn": version.arn,
        "CreationTime": version.created_at,
        "ModelPackageStatus": version.status,
    }
    for name in (
        "ModelPackageGroupName",
        "ModelPackageVersion",
        "ModelApprovalStatus",
        "ModelLifeCycle",
    ):
        if observed.get(name) is not None:
            summary[name] = observed[name]
    if "ModelPackageGroupName" not in observed:
        summary["ModelPackageName"] = version.name
    for name in ("ModelPackageDescription", "ModelPackageRegistrationType"):
        if name in spec:
            summary[name] = spec[name]
    return summary


def searched_version(version: Resource) -> Json:
    """Return the fields that a version is found by: its description, token and digests."""
    found = describe_version(version)
    found.pop("ModelPackageStatusDetails")
    artifacts = version.observed.get("Artifacts", [])
    return {
        **found,
        "ClientToken": version.observed.get("ClientToken"),
        "Artifacts": [{"Sha256": artifact["Sha256"]} for artifact in artifacts],
    }
