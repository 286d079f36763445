"""Versions of models in the registry, as SageMaker's events tell of them."""

from __future__ import annotations

from modelyard.events.changes import Change, millis
from modelyard.events.event_types import SAGEMAKER, EventType, Told

_MEMBERS = (
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageName",
    "ModelPackageDescription",
    "ModelPackageStatusDetails",
    "ModelApprovalStatus",
    "ApprovalDescription",
    "ModelLifeCycle",
    "InferenceSpecification",
    "SourceAlgorithmSpecification",
    "ValidationSpecification",
    "ModelMetrics",
    "MetadataProperties",
    "CustomerMetadataProperties",
    "DriftCheckBaselines",
    "CertifyForMarketplace",
    "Domain",
    "Task",
    "SamplePayloadUrl",
    "SkipModelValidation",
    "SourceUri",
)
PACKAGE_TYPE = EventType(
    source=SAGEMAKER,
    name="SageMaker Model Package State Change",
    keys=frozenset(
        {
            *_MEMBERS,
            "ModelPackageStatus",
            "CreationTime",
            "LastModifiedTime",
            "FailureReason",
            "Tags",
        }
    ),
    values={
        "ModelApprovalStatus": frozenset({"Approved", "Rejected", "PendingManualApproval"}),
        "ModelPackageStatus": frozenset(
            {"Pending", "InProgress", "Completed", "Failed", "Deleting", "Deleted"}
        ),
    },
)


def model_package(change: Change) -> list[Told]:
    """Return the event of a version: registered, approved or rejected, changed, deleted."""
    known = {**change.spec, **change.observed}
    detail = {key: known[key] for key in _MEMBERS if known.get(key) is not None}
    detail |= {
        "ModelPackageArn": change.arn,
        "ModelPackageStatus": "Deleted"
        if change.status == "Deleted"
        else known.get("ModelPackageStatus", change.status),
        "CreationTime": millis(change.created_at),
        "LastModifiedTime": millis(change.at),
        "Tags": dict(change.tags),
    }
    return [Told(type=PACKAGE_TYPE, detail=detail)]
