"""JSON reports as groups of metrics."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_recall_curve, roc_auc_score, roc_curve

from modelyard.governance.cards import content
from modelyard.governance.cards.drafting.reports import MAX_FEATURES, MAX_POINTS, groups_of
from tests.data import breast_cancer


def read(report: Any) -> list[dict[str, Any]]:
    groups = groups_of(json.dumps(report).encode())
    job = {"name": "e", "metric_groups": groups}
    assert content.problems_of(json.dumps({"evaluation_details": [job]})) == []
    return groups


def by_name(group: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {metric["name"]: metric for metric in group["metric_data"]}


def test_model_quality_of_real_predictions_keeps_its_numbers_curves_and_matrix() -> None:
    labels = breast_cancer().y_test
    scores = 1 / (1 + np.exp(breast_cancer().x_test[:, 0] - 14.5))  # by the mean radius alone
    false_rates, true_rates, _ = roc_curve(labels, scores)
    precisions, recalls, _ = precision_recall_curve(labels, scores)
    counts = confusion_matrix(labels, scores > 0.5)
    auc = roc_auc_score(labels, scores)
    (group,) = read(
        {
            "version": 0.0,
            "dataset": {"item_count": len(labels)},
            "binary_classification_metrics": {
                "confusion_matrix": {
                    str(row): {str(column): int(counts[row, column]) for column in (0, 1)}
                    for row in (0, 1)
                },
                "auc": {"value": auc, "standard_deviation": "NaN"},
                "recall": {"value": 0.9, "standard_deviation": 0.01},
                "receiver_operating_characteristic_curve": {
                    "false_positive_rates": list(false_rates),
                    "true_positive_rates": list(true_rates),
                },
                "precision_recall_curve": {
                    "precisions": list(precisions),
                    "recalls": list(recalls),
                },
            },
        }
    )
    metrics = by_name(group)
    assert group["name"] == "binary_classification_metrics"
    assert metrics["auc"]["value"] == pytest.approx(auc, rel=1e-5)
    assert "auc - standard_deviation" not in metrics
    assert metrics["recall - standard_deviation"]["value"] == 0.01
    assert metrics["confusion_matrix"]["value"] == counts.tolist()
    curve = metrics["receiver_operating_characteristic_curve"]["value"]
    assert (curve[0], curve[-1]) == ([0, 0], [1, 1])
    assert len(metrics["precision_recall_curve"]["value"]) == MAX_POINTS


def test_bias_metrics_are_grouped_by_stage_label_and_facet() -> None:
    facet = {
        "value_or_threshold": "1",
        "metrics": [
            {"name": "CI", "description": "Class Imbalance (CI)", "value": 0.3},
            {"name": "DI", "description": "", "value": "inf"},
            {"name": "KL", "description": "", "value": None},
        ],
    }
    part = {"label": "target", "label_value_or_threshold": "1", "facets": {"sex": [facet]}}
    pre, post = read(
        {
            "version": "1.0",
            "pre_training_bias_metrics": part,
            "post_training_bias_metrics": part,
        }
    )
    assert pre["name"] == "pre_training_bias_metrics - label target = 1 and facet sex=1"
    assert post["name"].startswith("post_training_bias_metrics")
    assert pre["metric_data"] == [
        {"name": "CI", "type": "number", "value": 0.3, "notes": "Class Imbalance (CI)"},
        {"name": "DI", "type": "string", "value": "inf"},
    ]


def test_explanations_keep_the_features_that_count_most() -> None:
    values = {f"f{number}": (-1) ** number * number / 100 for number in range(100)}
    plots = [
        {
            "feature_name": "age",
            "data_type": "numerical",
            "label_headers": ["yes"],
            "feature_values": [20, 40, 60],
            "model_predictions": [[0.1, 0.2, 0.4]],
            "data_distribution": [0.3, 0.4, 0.3],
        },
        {
            "feature_name": "region",
            "data_type": "categorical",
            "label_headers": ["yes"],
            "feature_values": ["north", "south"],
            "model_predictions": [[0.1, 0.2]],
            "data_distribution": [0.5, 0.5],
        },
    ]
    shap, dependence = read(
        {
            "explanations": {
                "kernel_shap": {"label0": {"global_shap_values": values, "expected_value": 0.5}},
                "pdp": plots,
            }
        }
    )
    assert shap["name"] == "explanations - global_shap_values, label=label0"
    assert [metric["name"] for metric in shap["metric_data"][:2]] == ["f99", "f98"]
    assert len(shap["metric_data"]) == MAX_FEATURES
    assert [metric["type"] for metric in dependence["metric_data"]] == ["linear_graph", "bar_chart"]


def test_any_report_of_metrics_with_values_is_read() -> None:
    (group,) = read({"regression_metrics": {"mse": {"value": 4.57, "standard_deviation": 2.1}}})
    assert by_name(group)["mse"]["value"] == 4.57
    (group,) = read({"classification_metrics": {"auc": {"value": 0.7}, "rows": 12}})
    assert by_name(group)["rows"]["value"] == 12


def test_a_cards_own_groups_are_taken_as_they_are() -> None:
    group = {"name": "g", "metric_data": [{"name": "m", "type": "boolean", "value": True}]}
    assert read({"metric_groups": [group]}) == [group]


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"features": []}', r"has none of \*_metrics"),
        (b'{"post_training_bias_metrics": {"facets": [1]}}', "not of the shape"),
        (b'{"explanations": {"kernel_shap": 7}}', "not of the shape"),
    ],
)
def test_what_is_no_report_is_refused_with_the_reason(report: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        groups_of(report)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
_MEMBERS = st.sampled_from(
    [
        "explanations",
        "metric_groups",
        "pre_training_bias_metrics",
        "regression_metrics",
        "binary_classification_metrics",
    ]
)


@given(st.dictionaries(_MEMBERS, _JSON, max_size=3))
def test_any_json_is_read_or_refused(report: dict[str, Any]) -> None:
    try:
        groups = groups_of(json.dumps(report).encode())
    except ValueError as error:
        assert str(error)
    else:
        assert groups
