"""What a version must show before it is approved: named checks over its members."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Tells whether an object is there.
Exists = Callable[[str], bool]
#: Says what is wrong with the content of a model card.
CardProblems = Callable[[str], Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Outside:
    """What evidence is checked against, beside the version itself."""

    exists: Exists
    card_problems: CardProblems


#: Tells what evidence is missing, and how to give it; None: it is there.
Check = Callable[[Mapping[str, Any], Outside], str | None]

#: What no platform can know: a person must say it, whatever else is filled in by itself.
_CARD_MUST_SAY = (
    ("intended_uses", "purpose_of_model"),
    ("intended_uses", "intended_uses"),
    ("intended_uses", "risk_rating"),
)


def problems(names: list[str], version: Mapping[str, Any], outside: Outside) -> list[str]:
    """Return a sentence for each of the named pieces of evidence that a version lacks.

    Args:
        version: its members as they would be described.
    """
    found = ((name, CHECKS[name](version, outside)) for name in names)
    return [f"{name}: {problem}" for name, problem in found if problem is not None]


def _report(*ways: tuple[str, str]) -> Check:
    """Return the check that one of the members of `ModelMetrics` names an object that exists."""

    def check(version: Mapping[str, Any], outside: Outside) -> str | None:
        metrics = version.get("ModelMetrics", {})
        uris = [
            str(metrics[group][member]["S3Uri"])
            for group, member in ways
            if metrics.get(group, {}).get(member, {}).get("S3Uri")
        ]
        names = " or ".join(f"ModelMetrics.{group}.{member}" for group, member in ways)
        if not uris:
            return f"{names} is not given: register the version with it"
        gone = [uri for uri in uris if not outside.exists(uri)]
        return None if not gone else f"there is nothing at {gone[0]}: upload the report"

    return check


def _tests_passed(version: Mapping[str, Any], _outside: Outside) -> str | None:
    said = version.get("CustomerMetadataProperties", {}).get("integration_tests")
    if str(said).lower() == "passed":
        return None
    shown = "is not set" if said is None else f"is {said!r}"
    return (
        f"CustomerMetadataProperties integration_tests {shown}: run the tests and set it to "
        "'passed'"
    )


def _card_complete(version: Mapping[str, Any], outside: Outside) -> str | None:
    """Check that a card follows the schema, and that a person has done his part of it."""
    text = version.get("ModelCard", {}).get("ModelCardContent")
    if not text:
        return "ModelCard.ModelCardContent is not given: write the model card"
    wrong = outside.card_problems(text)
    if wrong:
        return f"ModelCard.ModelCardContent is no model card: {'; '.join(wrong)}"
    content = json.loads(text)
    missing = [
        f"{section}.{member}"
        for section, member in _CARD_MUST_SAY
        if not _is_stated(content.get(section, {}).get(member))
    ]
    return None if not missing else f"the model card does not say {', '.join(missing)}"


def _is_stated(said: object) -> bool:
    # "Unknown" is the schema's word for a risk that nobody has rated.
    return isinstance(said, str) and said.strip() not in ("", "Unknown")


CHECKS: Mapping[str, Check] = {
    "model-quality-metrics": _report(
        ("ModelQuality", "Statistics"), ("ModelQuality", "Constraints")
    ),
    "data-quality-metrics": _report(
        ("ModelDataQuality", "Statistics"), ("ModelDataQuality", "Constraints")
    ),
    "bias-report": _report(
        ("Bias", "Report"), ("Bias", "PreTrainingReport"), ("Bias", "PostTrainingReport")
    ),
    "explainability-report": _report(("Explainability", "Report")),
    "integration-tests-passed": _tests_passed,
    "model-card-complete": _card_complete,
}
