"""The first page: which model card this is, where it stands, and what it leaves open."""

from __future__ import annotations

from reportlab.platypus import Flowable, Table

from modelyard.governance.cards.content import Document
from modelyard.governance.cards.paper import charts, style
from modelyard.governance.cards.paper.blocks import Blocks, boxed
from modelyard.governance.cards.paper.card import PrintedCard

#: What a reviewer looks for first: its name in a sentence, and where it stands in the content.
REVIEWED = (
    ("the purpose of the model", ("intended_uses", "purpose_of_model")),
    ("its intended uses", ("intended_uses", "intended_uses")),
    ("a risk rating", ("intended_uses", "risk_rating")),
    ("the reason for the risk rating", ("intended_uses", "explanations_for_risk_rating")),
    ("the model's owner", ("model_overview", "model_owner")),
    ("the training job", ("training_details", "training_job_details", "training_arn")),
    ("the training data", ("training_details", "training_job_details", "training_datasets")),
    ("an evaluation", ("evaluation_details",)),
    ("caveats and recommendations", ("additional_information", "caveats_and_recommendations")),
    ("ethical considerations", ("additional_information", "ethical_considerations")),
)


def title_page(blocks: Blocks, card: PrintedCard) -> list[Flowable]:
    """Return the blocks of the title page."""
    content = card.content
    overview = content.get("model_overview", {})
    package = content.get("model_package_details", {})
    risk = content.get("intended_uses", {}).get("risk_rating")
    described = overview.get("model_description") or package.get("model_package_description")
    made: list[Flowable] = [
        blocks.gap(64),
        blocks.eyebrow("MODEL CARD"),
        blocks.title(card.name),
    ]
    if described:
        made.append(blocks.lead(described))
    made += [
        _tags(
            charts.tag(card.status, style.STATUS_COLOURS.get(card.status, style.UNKNOWN_COLOUR)),
            charts.tag(
                f"Risk: {risk or 'not stated'}",
                style.RISK_COLOURS.get(risk or "", style.UNKNOWN_COLOUR),
            ),
        ),
        blocks.gap(22),
        *blocks.facts(
            [
                ("Model", overview.get("model_name") or package.get("model_package_group_name")),
                ("Card version", f"{card.version} of {card.newest_version}"),
                ("Status", card.status),
                ("Risk rating", risk),
                ("Created", f"{card.created_at:%Y-%m-%d %H:%M:%S} UTC by {card.created_by}"),
                ("Last changed", f"{card.modified_at:%Y-%m-%d %H:%M:%S} UTC by {card.modified_by}"),
                ("Exported", f"{card.exported_at:%Y-%m-%d %H:%M:%S} UTC by {card.exported_by}"),
                ("Card", card.arn),
                ("Export job", card.export_job),
                ("Content (SHA-256)", card.sha256),
            ]
        ),
        blocks.gap(10),
    ]
    left_open = [name for name, path in REVIEWED if not _stated(content, path)]
    if left_open:
        said = f"This card does not state {_listed(left_open)}."
        made.append(boxed([blocks.strong("Left open"), blocks.text(said)]))
    else:
        said = "Purpose, risk, training, evaluation and caveats are all stated."
        made.append(boxed([blocks.strong("Complete"), blocks.text(said)]))
    return made


def _stated(content: Document, path: tuple[str, ...]) -> bool:
    found: object = content
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return found not in (None, "", [], "Unknown")


def _listed(names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _tags(*drawings: Flowable) -> Flowable:
    widths = [drawing.width + 4 for drawing in drawings]
    rest = style.TEXT_WIDTH - sum(widths)
    return Table(
        [[*drawings, ""]],
        colWidths=[*widths, rest],
        style=[
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 0),
        ],
    )
