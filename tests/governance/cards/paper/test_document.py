"""The printed card: all that is in the card is on paper, whatever it is."""

from __future__ import annotations

import json
import re
import string
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings

from modelyard.governance.cards import content
from modelyard.governance.cards.paper.card import PrintedCard
from modelyard.governance.cards.paper.document import render
from modelyard.governance.cards.rows import StatusChange
from tests.governance.cards.paper.printed import text_of
from tests.governance.cards.test_content import CONTENTS

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
ADA = "arn:aws:iam::123456789012:user/ada"
CARD = PrintedCard(
    name="card",
    arn="arn:aws:sagemaker:us-east-1:123456789012:model-card/card",
    version=2,
    newest_version=3,
    status="PendingReview",
    content={},
    sha256="ab" * 32,
    created_at=NOW,
    created_by=ADA,
    modified_at=NOW,
    modified_by=ADA,
    exported_at=NOW,
    exported_by=ADA,
    export_job="arn:aws:sagemaker:us-east-1:123456789012:model-card/card/export-job/j",
    history=[StatusChange(at=NOW, version=1, before="", after="Draft", by=ADA, sha256="cd" * 32)],
)


def printed(document: dict[str, Any], **changes: Any) -> str:
    assert content.problems_of(json.dumps(document)) == []
    return text_of(render(replace(CARD, content=document, **changes)))


def evaluated(*metrics: dict[str, Any], group: str = "metrics") -> dict[str, Any]:
    groups = [{"name": group, "metric_data": list(metrics)}]
    return {"evaluation_details": [{"name": "evaluation", "metric_groups": groups}]}


def number(name: str, value: float) -> dict[str, Any]:
    return {"name": name, "type": "number", "value": value}


def test_the_title_page_says_which_card_this_is_and_where_it_stands() -> None:
    said = printed({"intended_uses": {"risk_rating": "High"}})
    for expected in (
        "MODEL CARD card PendingReview Risk: High",
        "Card version 2 of 3",
        "Created 2026-11-21 06:00:00 UTC by arn:aws:iam::123456789012:user/ada",
        "ab" * 32,
        "Page 1 of",
    ):
        assert expected in said


def test_what_is_not_stated_is_said_to_be_not_stated() -> None:
    said = printed({})
    assert "This card does not state the purpose of the model, its intended uses, a risk" in said
    assert "Risk: not stated" in said
    for heading in ("Purpose", "Hyperparameters", "Evaluation", "Caveats and recommendations"):
        assert f"{heading} Not stated." in said


def test_a_complete_card_is_said_to_be_complete() -> None:
    said = printed(
        {
            "model_overview": {"model_owner": "Risk team"},
            "intended_uses": {
                "purpose_of_model": "p",
                "intended_uses": "u",
                "risk_rating": "Low",
                "explanations_for_risk_rating": "e",
            },
            "training_details": {
                "training_job_details": {"training_arn": "a", "training_datasets": ["d"]}
            },
            "additional_information": {
                "caveats_and_recommendations": "c",
                "ethical_considerations": "e",
            },
            **evaluated(number("auc", 0.9)),
        }
    )
    assert "Complete Purpose, risk, training, evaluation and caveats are all stated." in said
    assert "does not state" not in said


def test_texts_are_texts_whatever_they_look_like() -> None:
    said = printed(
        {
            "model_overview": {
                "model_name": "<b>bold</b> & <font size=99>big</font> <img src='file:///etc/passwd'/>",
                "model_description": "Größe, цена, ποιότητα, ½ ✓ → \u00a0 a\u0000b\u001b[31m",
            }
        }
    )
    assert "<b>bold</b> & <font size=99>big</font> <img src='file:///etc/passwd'/>" in said
    assert "Größe, цена, ποιότητα, ½ ✓ → ab[31m" in said


def test_characters_that_the_typeface_lacks_are_written_as_code_points() -> None:
    said = printed({"model_overview": {"model_name": "漢字 \U0001f9ec"}})
    assert "[U+6F22][U+5B57] [U+1F9EC]" in said
    assert "lacks some characters" in said
    assert "U+5B57, U+6F22, U+1F9EC" in said


def test_every_hyperparameter_of_a_long_list_is_on_some_page() -> None:
    parameters = [{"name": f"parameter-{index}", "value": f"={index}"} for index in range(100)]
    job = {"hyper_parameters": parameters}
    said = printed({"training_details": {"training_job_details": job}})
    for index in range(100):
        assert f"parameter-{index} ={index} " in said


def test_metrics_stand_with_their_deviation() -> None:
    said = printed(evaluated(number("auc", 0.97123), number("auc - standard_deviation", 0.0112)))
    assert "auc 0.97123 ± 0.0112" in said
    assert "standard" not in said


def test_each_bias_metric_has_its_sentence() -> None:
    said = printed(
        evaluated(
            number("DPPL", 0.2),
            number("DI", 0.7),
            number("AD", 0.001),
            group="post_training_bias_metrics - label y = 1 and facet sex=F",
        )
    )
    assert "predicts the favourable outcome less often for the group under review." in said
    assert "gets favourable predictions at a lower rate." in said
    assert "The model is right equally often for both groups." in said


def test_curves_matrices_and_charts_are_drawn_with_their_names() -> None:
    said = printed(
        evaluated(
            {
                "name": "roc_curve",
                "type": "linear_graph",
                "value": [[0, 0], [0.2, 0.9], [1, 1]],
                "x_axis_name": "false_positive_rates",
                "y_axis_name": "true_positive_rates",
            },
            {
                "name": "confusion_matrix",
                "type": "matrix",
                "value": [[871, 13], [7, 409]],
                "x_axis_name": ["stayed", "left"],
                "y_axis_name": ["stays", "leaves"],
            },
            {
                "name": "shares",
                "type": "bar_chart",
                "value": [41, 59],
                "x_axis_name": ["north", "south"],
            },
        )
    )
    for expected in ("false positive rates", "871", "409", "stayed", "leaves", "north", "59"):
        assert expected in said


def test_the_history_tells_an_approval_of_another_version() -> None:
    history = [
        *CARD.history,
        StatusChange(at=NOW, version=1, before="Draft", after="Approved", by=ADA, sha256="cd" * 32),
        StatusChange(at=NOW, version=2, before="", after="PendingReview", by=ADA, sha256="ab" * 32),
    ]
    said = printed({}, history=history)
    assert "Draft → Approved" in said
    assert "Version 2, which this document prints, is not approved now; version 1 was" in said


def test_the_same_card_gives_the_same_bytes() -> None:
    card = replace(CARD, content=evaluated(number("auc", 0.9)))
    assert render(card) == render(card)


@pytest.mark.parametrize(
    "value",
    [
        [[1e308, -1e308], [-1e308, 1e308]],
        [[5e-324, 1]],
        [[7, 7], [7, 7]],
        [[-1, 0], [0, -1]],
        [[10**18, 1], [10**18 + 1, 2]],
    ],
    ids=["largest", "smallest", "constant", "negative", "close"],
)
@pytest.mark.parametrize("kind", ["linear_graph", "matrix"])
def test_extreme_numbers_are_drawn(kind: str, value: Any) -> None:
    assert "extreme" in printed(evaluated({"name": "extreme", "type": kind, "value": value}))


def test_a_card_of_the_largest_size_is_printed_whole() -> None:
    metrics = [number(f"m{index}", index / 1400) for index in range(1400)]
    document = evaluated(*metrics)
    document["additional_information"] = {
        "custom_details": {f"k{index}": string.ascii_letters * 15 for index in range(10)}
    }
    assert len(json.dumps(document)) > 80_000
    said = printed(document)
    assert all(f"m{index} {index / 1400:.6g} " in said for index in range(1, 1400))


def test_an_endless_word_is_broken_over_lines_and_pages() -> None:
    long = "W" * 2048
    said = printed({"intended_uses": {"purpose_of_model": long, "intended_uses": "\n" * 2000}})
    assert said.count("W") >= 2048
    assert int(re.findall(r"Page 1 of (\d+)", said)[0]) < 6


@settings(max_examples=25, deadline=None)
@given(CONTENTS)
def test_any_card_is_printed(document: dict[str, Any]) -> None:
    assert "Approval history" in printed(document)
