"""Attribution drift: the reference's own example, and the rule's edges."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from modelyard.images.clarify.explain.drift import ndcg, shifts
from modelyard.images.processing.errors import ClientError

TRAINING = {"SAT score": 0.70, "GPA": 0.50, "Class rank": 0.05}
LIVE = {"SAT score": 0.10, "GPA": 0.20, "Class rank": 0.70}


def test_the_guides_example_of_a_reversed_ranking_is_a_violation() -> None:
    gained = 0.05 / log2(2) + 0.50 / log2(3) + 0.70 / log2(4)
    ideal = 0.70 / log2(2) + 0.50 / log2(3) + 0.05 / log2(4)
    assert ndcg(TRAINING, LIVE) == pytest.approx(gained / ideal)
    baseline = {"explanations": {"kernel_shap": {"label0": {"global_shap_values": TRAINING}}}}
    (shift,) = shifts({"label0": LIVE}, baseline)
    assert shift.is_violation
    assert shift.document() == {
        "label": "label0",
        "metric_name": "shap",
        "constraint_check_type": "feature_attribution_drift_check",
        "description": f"Feature attribution drift {shift.score} exceeds threshold 0.9",
    }


@given(st.lists(st.floats(0.01, 10), min_size=2, max_size=12))
def test_the_score_is_that_of_scikit_learn(weights: list[float]) -> None:
    rng = np.random.default_rng(len(weights))
    now = rng.permutation(len(weights)).astype(float) + 1
    baseline = {f"f{index:02}": weight for index, weight in enumerate(weights)}
    today = dict(zip(baseline, now.tolist(), strict=True))
    expected = ndcg_score([weights], [now])
    assert ndcg(baseline, today) == pytest.approx(expected)


def test_the_same_ranking_scores_one_whatever_the_size() -> None:
    assert ndcg(TRAINING, {name: value * 30 for name, value in TRAINING.items()}) == 1


def test_the_order_of_columns_does_not_matter_where_attributions_are_alike() -> None:
    baseline = {"a": 0.5, "b": 0.5, "c": 0.1}
    assert ndcg(baseline, {"c": 0.1, "b": 0.3, "a": 0.3}) == 1


def test_a_baseline_of_nothing_is_no_drift() -> None:
    assert ndcg({"a": 0.0, "b": 0.0}, {"a": 1.0, "b": 2.0}) == 1


def test_negative_attributions_count_by_their_size() -> None:
    assert ndcg({"a": -0.9, "b": 0.1}, {"a": 0.9, "b": 0.1}) == 1
    assert ndcg({"a": -0.9, "b": 0.1}, {"a": 0.1, "b": 0.9}) < 0.9


def test_a_label_that_the_baseline_does_not_have_is_named() -> None:
    with pytest.raises(ClientError, match="no attributions of cat: it has those of no label"):
        shifts({"cat": LIVE}, {})
