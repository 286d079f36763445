"""Attribution drift: the reference's own example, and the rule's edges."""

from __future__ import annotations

from collections.abc import Mapping
from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from modelyard.images.clarify.explain.aggregation import AGGREGATIONS
from modelyard.images.clarify.explain.drift import ndcg, shifts
from modelyard.images.clarify.explain.resampling import Sample
from modelyard.images.processing.errors import ClientError

TRAINING = {"SAT score": 0.70, "GPA": 0.50, "Class rank": 0.05}
LIVE = {"SAT score": 0.10, "GPA": 0.20, "Class rank": 0.70}


def sample(values: Mapping[str, float], rows: int = 40) -> Sample:
    """Return rows that are all alike."""
    local = np.tile(list(values.values()), (rows, 1))
    return Sample(features=list(values), local=local, aggregate=AGGREGATIONS["mean_abs"])


def test_the_guides_example_of_a_reversed_ranking_is_a_violation() -> None:
    gained = 0.05 / log2(2) + 0.50 / log2(3) + 0.70 / log2(4)
    ideal = 0.70 / log2(2) + 0.50 / log2(3) + 0.05 / log2(4)
    assert ndcg(TRAINING, LIVE) == pytest.approx(gained / ideal)
    baseline = {"explanations": {"kernel_shap": {"label0": {"global_shap_values": TRAINING}}}}
    (shift,) = shifts({"label0": sample(LIVE)}, baseline, confidence=0.99)
    assert shift.is_violation
    assert shift.remark is None
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
        shifts({"cat": sample(LIVE)}, {}, confidence=0.99)


def test_a_few_rows_decide_nothing_and_say_so() -> None:
    baseline = {"explanations": {"kernel_shap": {"label0": {"global_shap_values": TRAINING}}}}
    (shift,) = shifts({"label0": sample(LIVE, rows=29)}, baseline, confidence=0.99)
    assert not shift.is_violation
    assert shift.remark == (
        "label0: 29 rows are too few to judge the ranking of features by (nDCG "
        f"{shift.score:.3f}), at least 30 are needed"
    )


def test_a_ranking_that_rests_on_one_row_is_no_violation_and_is_told_of() -> None:
    baseline = {"explanations": {"kernel_shap": {"label0": {"global_shap_values": TRAINING}}}}
    usual = np.tile([0.7, 0.5, 0.05], (39, 1))
    local = np.vstack([usual, [0.0, 0.0, 30.0]])  # one row without which all is as ever
    found = Sample(features=list(TRAINING), local=local, aggregate=AGGREGATIONS["mean_abs"])
    (shift,) = shifts({"label0": found}, baseline, confidence=0.99)
    assert shift.score < 0.9
    assert not shift.is_violation
    assert shift.remark is not None
    assert "is below 0.9, as it may be by chance: with 40 rows its 99.0000% upper" in shift.remark


def test_the_level_is_shared_out_among_the_outputs() -> None:
    values = {"global_shap_values": TRAINING}
    baseline = {"explanations": {"kernel_shap": dict.fromkeys("ab", values)}}
    found = shifts(dict.fromkeys("ab", sample(LIVE)), baseline, confidence=0.99)
    assert [shift.level for shift in found] == pytest.approx([0.995, 0.995])
