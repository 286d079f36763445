"""What a registry version, a model and an endpoint tell a card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Description = Mapping[str, Any]

_MAX_TEXT = 1024
_MAX_IMAGE = 255


@dataclass(frozen=True, kw_only=True)
class ReportFile:
    """A report that a registry version names."""

    name: str  # "model quality", "bias"
    uri: str


def package_details(package: Description) -> dict[str, Any]:
    """Return `model_package_details` of DescribeModelPackage's answer."""
    repeated = {
        "model_package_arn": package["ModelPackageArn"],
        "model_package_group_name": package.get("ModelPackageGroupName"),
        "model_package_version": package.get("ModelPackageVersion"),
        "model_package_name": package.get("ModelPackageName"),
        "model_package_description": package.get("ModelPackageDescription"),
        "model_package_status": package.get("ModelPackageStatus"),
        "model_approval_status": package.get("ModelApprovalStatus"),
        "approval_description": package.get("ApprovalDescription"),
        "domain": package.get("Domain"),
        "task": package.get("Task"),
    }
    found = {name: value for name, value in repeated.items() if value not in (None, "")}
    creator = package.get("CreatedBy", {})
    who = creator.get("UserProfileName") or creator.get("IamIdentity", {}).get("SourceIdentity")
    if who:
        found["created_by"] = {"user_profile_name": who[:_MAX_TEXT]}
    containers = [
        {
            "image": container["Image"][:_MAX_IMAGE],
            **({"model_data_url": url} if (url := artifact_of(container)) else {}),
        }
        for container in containers_of(package)
        if container.get("Image")
    ]
    if containers:
        found["inference_specification"] = {"containers": containers}
    return found


def containers_of(description: Description) -> list[Description]:
    """Return the containers of a registry version or a model."""
    if "InferenceSpecification" in description:
        return list(description["InferenceSpecification"].get("Containers", []))
    primary = description.get("PrimaryContainer")
    return [primary] if primary else list(description.get("Containers", []))


def artifact_of(container: Description) -> str | None:
    """Return the `s3://` URI of a container's model, None where it names none."""
    url = container.get("ModelDataUrl")
    if not url:
        url = container.get("ModelDataSource", {}).get("S3DataSource", {}).get("S3Uri")
    return str(url)[:_MAX_TEXT] if url else None


def report_files(package: Description) -> Iterator[ReportFile]:
    """Yield the reports that a registry version names in `ModelMetrics`."""
    for part, reports in package.get("ModelMetrics", {}).items():
        for kind, report in reports.items():
            # Constraints are limits that were set, and tell nothing of how well the model does.
            if kind != "Constraints" and report.get("S3Uri"):
                stage = "" if kind in ("Statistics", "Report") else f", {_words(kind)}"
                yield ReportFile(name=f"{_words(part)}{stage}", uri=report["S3Uri"])


def overview(description: Description) -> dict[str, Any]:
    """Return what a registry version's or a model's containers tell the overview."""
    containers = containers_of(description)
    artifacts = [url for container in containers if (url := artifact_of(container))]
    images = [container["Image"] for container in containers if container.get("Image")]
    found: dict[str, Any] = {}
    if artifacts:
        found["model_artifact"] = artifacts[:15]
    if images:
        found["inference_environment"] = {"container_image": images[:15]}
    return found


def _words(name: str) -> str:
    """Return `ModelDataQuality` as `model data quality`."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
