"""The sections of the document but for the evaluation, in the order in which they are printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reportlab.platypus import Flowable

from modelyard.governance.cards.content import Document
from modelyard.governance.cards.paper import charts
from modelyard.governance.cards.paper.blocks import Blocks, number
from modelyard.governance.cards.paper.card import PrintedCard

Members = Mapping[str, Any]

_MANY = 12  # hyperparameters, from which on they stand in two columns


def overview(blocks: Blocks, content: Document) -> list[Flowable]:
    """Return what the model is."""
    about = content.get("model_overview", {})
    made: list[Flowable] = [*blocks.heading("Model overview")]
    made += blocks.facts(
        [
            ("Name", about.get("model_name")),
            ("Description", about.get("model_description")),
            ("Version", about.get("model_version")),
            ("Identifier", about.get("model_id")),
            ("Problem type", about.get("problem_type")),
            ("Algorithm", about.get("algorithm_type")),
            ("Creator", about.get("model_creator")),
            ("Owner", about.get("model_owner")),
            ("Artifacts", about.get("model_artifact")),
            ("Inference image", about.get("inference_environment", {}).get("container_image")),
        ]
    )
    package = content.get("model_package_details")
    if package:
        made += _registry_version(blocks, package)
    return made


def _registry_version(blocks: Blocks, package: Members) -> list[Flowable]:
    containers = package.get("inference_specification", {}).get("containers", [])
    return [
        *blocks.heading("Version in the model registry", 2),
        *blocks.facts(
            [
                ("Group", package.get("model_package_group_name")),
                ("Version", package.get("model_package_version")),
                ("Model package", package.get("model_package_arn")),
                ("Description", package.get("model_package_description")),
                ("Approval", package.get("model_approval_status")),
                ("Approval note", package.get("approval_description")),
                ("Registered by", package.get("created_by", {}).get("user_profile_name")),
                ("Domain", package.get("domain")),
                ("Task", package.get("task")),
                ("Images", [container["image"] for container in containers]),
            ]
        ),
    ]


def intended_use(blocks: Blocks, content: Document) -> list[Flowable]:
    """Return what the model is for, and how much depends on it."""
    uses, business = content.get("intended_uses", {}), content.get("business_details", {})
    made: list[Flowable] = [*blocks.heading("Intended use and risk")]
    for title, text in (
        ("Purpose", uses.get("purpose_of_model")),
        ("Intended uses", uses.get("intended_uses")),
        ("Factors affecting the model's efficacy", uses.get("factors_affecting_model_efficiency")),
    ):
        made += [*blocks.heading(title, 3), blocks.text(text)]
    made += [
        *blocks.heading("Risk rating", 3),
        blocks.text(uses.get("risk_rating")),
        *blocks.heading("Why this rating", 3),
        blocks.text(uses.get("explanations_for_risk_rating")),
        *blocks.heading("Business", 2),
        *blocks.facts(
            [
                ("Problem", business.get("business_problem")),
                ("Stakeholders", business.get("business_stakeholders")),
                ("Line of business", business.get("line_of_business")),
            ]
        ),
    ]
    return made


def training(blocks: Blocks, content: Document) -> list[Flowable]:
    """Return how the model was made."""
    details = content.get("training_details", {})
    job = details.get("training_job_details", {})
    objective = details.get("objective_function", {})
    function = objective.get("function", {})
    stated = [function.get("function"), function.get("facet"), function.get("condition")]
    made: list[Flowable] = [
        *blocks.heading("Training"),
        *blocks.facts(
            [
                ("Training job", job.get("training_arn")),
                ("Data sets", job.get("training_datasets")),
                ("Training image", job.get("training_environment", {}).get("container_image")),
                ("Objective", " ".join(filter(None, stated))),
                ("Objective notes", objective.get("notes")),
                ("Observations", details.get("training_observations")),
            ]
        ),
    ]
    metrics = [(metric, "") for metric in job.get("training_metrics", [])]
    metrics += [
        (metric, "stated by a person") for metric in job.get("user_provided_training_metrics", [])
    ]
    made += blocks.heading("Training metrics", 2)
    made += _training_metrics(blocks, metrics)
    made += blocks.heading("Hyperparameters", 2)
    parameters = [
        *job.get("hyper_parameters", []),
        *job.get("user_provided_hyper_parameters", []),
    ]
    made += _in_two(blocks, [(each["name"], each["value"]) for each in parameters])
    return made


def _in_two(blocks: Blocks, pairs: Sequence[tuple[str, str]]) -> list[Flowable]:
    """Return names and values in two columns of pairs, where there are many."""
    if not pairs:
        return [blocks.text(None)]
    half = (len(pairs) + 1) // 2 if len(pairs) > _MANY else len(pairs)
    beside = [*pairs[half:], ("", "")]
    rows = [
        (*pair, *beside[min(index, len(beside) - 1)]) for index, pair in enumerate(pairs[:half])
    ]
    return blocks.table([("Name", 3), ("Value", 3), ("Name", 3), ("Value", 3)], rows)


def _training_metrics(blocks: Blocks, metrics: Sequence[tuple[Members, str]]) -> list[Flowable]:
    if not metrics:
        return [blocks.text(None)]
    made = blocks.table(
        [("Metric", 3), ("Final value", 1.3), ("Notes", 3)],
        [
            (metric["name"], number(metric["value"]), metric.get("notes") or origin)
            for metric, origin in metrics
        ],
        numbers=(1,),
    )
    shares = [metric for metric, _ in metrics if -1 <= metric["value"] <= 1]
    if len(shares) > 1:
        entries = [
            charts.Bar(label=blocks.typesetter.plain(metric["name"]), value=metric["value"])
            for metric in shares
        ]
        low, high = charts.scale_of([entry.value for entry in entries])
        made.append(charts.bars(entries, low=low, high=high))
    return made


def considerations(blocks: Blocks, content: Document) -> list[Flowable]:
    """Return what whoever uses the model has to know."""
    more = content.get("additional_information", {})
    made: list[Flowable] = [
        *blocks.heading("Considerations"),
        *blocks.heading("Caveats and recommendations", 3),
        blocks.text(more.get("caveats_and_recommendations")),
        *blocks.heading("Ethical considerations", 3),
        blocks.text(more.get("ethical_considerations")),
    ]
    custom = more.get("custom_details", {})
    if custom:
        made += blocks.heading("Further details", 2)
        made += blocks.facts(custom.items())
    return made


def approvals(blocks: Blocks, card: PrintedCard) -> list[Flowable]:
    """Return who set which status on which version, and when."""
    made: list[Flowable] = [*blocks.heading("Approval history")]
    made += blocks.table(
        [("When (UTC)", 2), ("Version", 1.1), ("Status", 2.6), ("Who", 4), ("Content", 1.9)],
        [
            (
                f"{change.at:%Y-%m-%d %H:%M}",
                str(change.version),
                f"{change.before} → {change.after}" if change.before else change.after,
                change.by,
                change.sha256[:10],
            )
            for change in card.history
        ],
        numbers=(1,),
    )
    approved = [change for change in card.history if change.after == "Approved"]
    if card.status == "Approved":
        said = f"Version {card.version}, which this document prints, is approved."
    elif approved:
        said = (
            f"Version {card.version}, which this document prints, is not approved now; version "
            f"{approved[-1].version} was, on {approved[-1].at:%Y-%m-%d}."
        )
    else:
        said = "No version of this card has been approved."
    made.append(blocks.quiet(said))
    return made
