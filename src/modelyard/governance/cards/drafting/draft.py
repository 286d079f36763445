"""A draft: the card's content as far as machines know it, and what is left to a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.governance.cards import content
from modelyard.governance.cards.drafting import registry, reports
from modelyard.governance.cards.drafting.sources import Found, Named, Sources
from modelyard.governance.cards.drafting.training import training_details

#: What only a person can write: where it stands, and what is to be written there.
LEFT_TO_PEOPLE: Mapping[str, str] = {
    "intended_uses.purpose_of_model": "what the model is for",
    "intended_uses.intended_uses": "for which decisions it may be used, and for which it may not",
    "intended_uses.factors_affecting_model_efficiency": "under which conditions it does worse",
    "intended_uses.risk_rating": "how much harm it could do: High, Medium, Low",
    "intended_uses.explanations_for_risk_rating": "why it has this rating",
    "model_overview.model_owner": "who answers for it",
    "business_details.business_problem": "which problem of the business it solves",
    "additional_information.caveats_and_recommendations": "what its users have to mind",
    "additional_information.ethical_considerations": "whom it affects, and how",
}


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A content that follows the card's schema, and what there is to know about it."""

    content: content.Document
    missing: Mapping[str, str]  # of LEFT_TO_PEOPLE, what the content does not state
    sources: list[str]  # ARNs and URIs that it was made of
    notes: list[str]  # what could not be read, or was left out


def named_in(begun: content.Document) -> Named:
    """Return what a content that a person began names: a job, a model, a registry version."""
    overview = begun.get("model_overview", {})
    package = begun.get("model_package_details", {}).get("model_package_arn")
    job = begun.get("training_details", {}).get("training_job_details", {}).get("training_arn")
    known = overview.get("model_id") or ""
    if ":model-package/" in known:
        package = package or known
    is_model = ":model/" in known
    return Named(training_job=job, package=package, model=known if is_model else None)


def draft(sources: Sources, named: Named, begun: content.Document) -> Draft:
    """Return what the platform knows, beside what a person wrote: his words are never replaced.

    Raises:
        OperationError: something that is named does not exist, or is closed to the caller.
    """
    found = sources.find(named)
    notes, used = list(found.notes), []
    filled: dict[str, Any] = {"model_overview": _overview(found)}
    if found.endpoint is not None:
        used.append(found.endpoint["EndpointArn"])
    if found.model is not None:
        used.append(found.model["ModelArn"])
    if found.training_job is not None:
        filled["training_details"] = training_details(found.training_job)
        used.append(found.training_job["TrainingJobArn"])
    if found.package is not None:
        filled["model_package_details"] = registry.package_details(found.package)
        used.append(found.package["ModelPackageArn"])
        evaluations = []
        for file in registry.report_files(found.package):
            try:
                evaluations.append(_evaluation(sources, file, notes))
            except ValueError as error:
                notes.append(f"The report {file.uri} was left out: {error}")
                continue
            used.append(file.uri)
        if evaluations:
            filled["evaluation_details"] = evaluations
    whole = merged(filled, begun)
    notes += _fitted(whole)
    missing = {path: what for path, what in LEFT_TO_PEOPLE.items() if not states(whole, path)}
    return Draft(content=whole, missing=missing, sources=used, notes=notes)


def merged(filled: Mapping[str, Any], begun: Mapping[str, Any]) -> dict[str, Any]:
    """Return both contents as one: members of objects are put together, else `begun` wins.

    Evaluations are put together by their names.
    """
    whole = dict(filled)
    for name, value in begun.items():
        other = filled.get(name)
        if isinstance(value, dict) and isinstance(other, dict):
            whole[name] = merged(other, value)
        elif name == "evaluation_details" and other:
            own = {job["name"] for job in value}
            whole[name] = [*value, *(job for job in other if job["name"] not in own)]
        else:
            whole[name] = value
    return whole


def states(document: Mapping[str, Any], path: str) -> bool:
    """Return whether a content says something at a path, `intended_uses.risk_rating`."""
    found: Any = document
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found not in (None, "", [], {}, "Unknown")


def _overview(found: Found) -> dict[str, Any]:
    overview: dict[str, Any] = {}
    if found.training_job is not None:
        artifact = found.training_job["ModelArtifacts"]["S3ModelArtifacts"]
        overview["model_name"] = found.training_job["TrainingJobName"]
        if artifact:
            overview["model_artifact"] = [artifact]
        overview |= _problem(found.training_job.get("HyperParameters", {}))
    if found.package is not None:
        overview |= registry.overview(found.package)
        group = found.package.get("ModelPackageGroupName") or found.package.get("ModelPackageName")
        overview["model_name"] = group
        if "ModelPackageVersion" in found.package:
            overview["model_version"] = found.package["ModelPackageVersion"]
        if found.package.get("ModelPackageDescription"):
            overview["model_description"] = found.package["ModelPackageDescription"]
    if found.model is not None:
        overview = {**registry.overview(found.model), **overview}
        overview |= {"model_name": found.model["ModelName"]}
        if found.package is None:
            # A card names either a model or a registry version: the SDK takes no card with both.
            overview["model_id"] = found.model["ModelArn"]
    return overview


def _problem(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return which problem is solved, as the objective of gradient boosting tells it."""
    family = parameters.get("objective", "").partition(":")[0]
    problems = {
        "binary": "Binary Classification",
        "multi": "Multiclass Classification",
        "reg": "Regression",
        "count": "Regression",
        "rank": "Ranking",
        "survival": "Survival Analysis",
    }
    return {"problem_type": problems[family]} if family in problems else {}


def _evaluation(sources: Sources, file: registry.ReportFile, notes: list[str]) -> dict[str, Any]:
    """Return a report as an evaluation.

    Raises:
        ValueError: it cannot be read, or what it says cannot stand in a card.
    """
    made = {
        "name": file.name,
        "metadata": {"report": file.uri[:1024]},
        "metric_groups": reports.groups_of(sources.report(file.uri)),
    }
    alone = {"evaluation_details": [made]}
    notes += _fitted(alone)
    problems = content.problems_of(content.written(alone))
    if problems:
        raise ValueError("; ".join(problems))
    return made


def _fitted(whole: dict[str, Any]) -> list[str]:
    """Take drawings out of a content until it fits, the largest first; return what went."""
    groups = [
        group
        for job in whole.get("evaluation_details", [])
        for group in job.get("metric_groups", [])
    ]
    gone = []
    for group, metric in reports.largest_drawings(groups):
        if len(content.written(whole)) <= content.MAX_CHARACTERS:
            break
        group["metric_data"].remove(metric)
        gone.append(f"{metric['name']} was left out: with it, the card would be too long")
    return gone
