"""A request about a model card, in the orchestrator's words, read as a card's content.

The body is flatter than a card: an environment is a list of images, an objective has no inner
function, an evaluation may name a file and what kind of report it is. Keys that are not known are
dropped, as the API has always done; values are checked, all of them at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelyard.governance.cards.lifecycle import STATUSES
from modelyard.orchestrator.errors import MISSING

Members = Mapping[str, Any]

CARD_TYPES = (
    "create_model_card",
    "update_model_card",
    "describe_model_card",
    "delete_model_card",
    "export_model_card",
    "list_model_cards",
)
#: Spellings of the API's own documents.
SPELLINGS: Mapping[str, str] = {"export_model_cards": "export_model_card"}

METRIC_TYPES = (
    "model_card_metric_schema",
    "clarify_bias",
    "clarify_explainability",
    "regression",
    "binary_classification",
    "multiclass_classification",
)

_SECTIONS: Mapping[str, tuple[str, ...]] = {
    "model_overview": (
        "model_id",
        "model_name",
        "model_description",
        "model_version",
        "problem_type",
        "algorithm_type",
        "model_creator",
        "model_owner",
        "model_artifact",
        "inference_environment",
    ),
    "intended_uses": (
        "purpose_of_model",
        "intended_uses",
        "factors_affecting_model_efficiency",
        "risk_rating",
        "explanations_for_risk_rating",
    ),
    "business_details": ("business_problem", "business_stakeholders", "line_of_business"),
    "training_details": ("objective_function", "training_observations", "training_job_details"),
    "additional_information": (
        "ethical_considerations",
        "caveats_and_recommendations",
        "custom_details",
    ),
}
_JOB = (
    "training_arn",
    "training_datasets",
    "training_environment",
    "training_metrics",
    "user_provided_training_metrics",
    "hyper_parameters",
    "user_provided_hyper_parameters",
)
_EVALUATION = (
    "name",
    "evaluation_observation",
    "evaluation_job_arn",
    "datasets",
    "metadata",
    "metric_groups",
)
_METRIC = ("name", "type", "value", "notes", "x_axis_name", "y_axis_name")


def card_type_of(body: Members) -> str | None:
    """Return which operation on cards a body asks for; None where it asks for a pipeline."""
    named = body.get("pipeline_type")
    plain = named.strip().lower() if isinstance(named, str) else ""
    plain = SPELLINGS.get(plain, plain)
    return plain if plain in CARD_TYPES else None


@dataclass(frozen=True, kw_only=True)
class Report:
    """A file of metrics that belongs to an evaluation."""

    evaluation: int  # its index in `evaluation_details`
    uri: str


@dataclass(kw_only=True)
class CardRequest:
    """What a body says of a card, and what is wrong with it."""

    name: str = ""
    status: str | None = None
    content: dict[str, Any] = field(default_factory=dict)  # the sections that the body has
    reports: list[Report] = field(default_factory=list)
    training_job: str | None = None  # what training is to be discovered from
    training_model: str | None = None
    problems: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, body: Members) -> CardRequest:
        """Read a body. Its problems are noted, the first in the API's words."""
        request = cls()
        request._read_name(body)
        status = body.get("status")
        if status is not None and status not in STATUSES:
            request.problems.append(
                f"status is {status!r}: it must be one of {', '.join(STATUSES)}"
            )
        elif status is not None:
            request.status = status
        for section, keys in _SECTIONS.items():
            if section in body:
                request._read_section(section, body[section], keys)
        if "evaluation_details" in body:
            request._read_evaluations(body["evaluation_details"])
        return request

    def _read_name(self, body: Members) -> None:
        name = body.get("name")
        if name is None:
            self.problems.append(f"{MISSING}name")
        elif not isinstance(name, str):
            self.problems.append(f"name is {name!r}: it must be a text")
        else:
            self.name = name

    def _read_section(self, section: str, given: Any, keys: tuple[str, ...]) -> None:
        if not isinstance(given, dict):
            self.problems.append(f"{section} is no object")
            return
        found = _kept(given, keys)
        if "inference_environment" in found:
            found["inference_environment"] = _environment(found["inference_environment"])
        if section == "training_details":
            self.training_job = self._text(given, "training_job_name")
            self.training_model = self._text(given, "model_name")
            if isinstance(found.get("objective_function"), dict):
                found["objective_function"] = _objective(found["objective_function"])
            if isinstance(found.get("training_job_details"), dict):
                job = _kept(found["training_job_details"], _JOB)
                if "training_environment" in job:
                    job["training_environment"] = _environment(job["training_environment"])
                found["training_job_details"] = job
        self.content[section] = found

    def _read_evaluations(self, given: Any) -> None:
        if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
            self.problems.append("evaluation_details is no list of objects")
            return
        jobs = []
        for index, item in enumerate(given):
            job = _kept(item, _EVALUATION)
            if isinstance(job.get("metric_groups"), list):
                job["metric_groups"] = [_group(group) for group in job["metric_groups"]]
            jobs.append(job)
            kind = item.get("metric_type")
            if kind is not None and kind not in METRIC_TYPES:
                self.problems.append(
                    f"evaluation_details[{index}].metric_type is {kind!r}: it must be one of "
                    f"{', '.join(METRIC_TYPES)}"
                )
            uri = self._text(item, "metric_file_s3_url")
            if uri is not None:
                self.reports.append(Report(evaluation=index, uri=uri))
        self.content["evaluation_details"] = jobs

    def _text(self, given: Members, key: str) -> str | None:
        value = given.get(key)
        if value is not None and not isinstance(value, str):
            self.problems.append(f"{key} is {value!r}: it must be a text")
            return None
        return value or None


def _kept(given: Members, keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: given[key] for key in keys if given.get(key) is not None}


def _environment(given: Any) -> Any:
    """Return an environment: the API takes an image, a list of images, or the card's own form."""
    images = [given] if isinstance(given, str) else given
    return {"container_image": images} if isinstance(images, list) else images


def _objective(given: Members) -> dict[str, Any]:
    """Return an objective in the card's form, whose function is an object of its own."""
    if isinstance(given.get("function"), dict):
        return _kept(given, ("function", "notes"))
    function = _kept(given, ("function", "facet", "condition"))
    return {"function": function, **_kept(given, ("notes",))}


def _group(given: Any) -> Any:
    if not isinstance(given, dict) or not isinstance(given.get("metric_data"), list):
        return given
    metrics = [
        _kept(metric, _METRIC) if isinstance(metric, dict) else metric
        for metric in given["metric_data"]
    ]
    return {**_kept(given, ("name",)), "metric_data": metrics}
