from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modelyard.images.training.channels import Table
from modelyard.images.training.readers import Rows, Sparse
from modelyard.images.xgboost import library
from modelyard.images.xgboost.matrices import plain_matrix, training_matrix
from tests.images.xgboost.fits import hyperparameters, noisy, table

FEATURES, LABELS = noisy()


def trees(matrix: Any, **parameters: object) -> list[str]:
    fixed = {"objective": "binary:logistic", "nthread": 1}
    booster = library.load().train({**fixed, **parameters}, matrix, 5)
    dump: list[str] = booster.get_dump()
    return dump


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_bins_teach_the_same_trees_as_values(parts: int, missing: float) -> None:
    features = np.where(np.random.default_rng(1).random(FEATURES.shape) < missing, np.nan, FEATURES)
    hp = hyperparameters(max_bin="64")
    bins = training_matrix(table("train", features, LABELS, parts=parts), 8, hp, 1)
    values = plain_matrix(table("train", features, LABELS, parts=parts), 8, hp, 1)
    assert trees(bins, max_bin=64) == trees(values, max_bin=64)


@pytest.mark.parametrize("method", ["exact", "approx"])
def test_methods_that_need_values_get_them(method: str) -> None:
    hp = hyperparameters(tree_method=method)
    matrix = training_matrix(table("train", FEATURES, LABELS, parts=2), 8, hp, 1)
    assert len(trees(matrix, tree_method=method)) == 5


def test_a_table_is_emptied_on_its_way() -> None:
    rows = table("train", FEATURES, LABELS, parts=2)
    training_matrix(rows, 8, hyperparameters(), 1)
    assert rows.parts == []


def sparse_table(queries: list[int] | None = None) -> Table:
    parts = [
        Rows(
            features=Sparse(
                values=np.array([1, 2, 3], np.float32),
                columns=np.array([0, 2, 1]),
                offsets=np.array([0, 2, 2, 3]),
                width=3,
            ),
            labels=np.array([1, 0, 1], np.float32),
            weights=None if queries or part else np.array([1, 2, 3], np.float32),
            queries=None if queries is None else np.array(queries[3 * part : 3 * part + 3]),
        )
        for part in range(2)
    ]
    return Table(channel="train", parts=parts, width=3, sparse=True)


@pytest.mark.parametrize("make", [training_matrix, plain_matrix])
def test_sparse_rows_are_as_wide_as_all_hosts_and_channels_need(make: Any) -> None:
    matrix = make(sparse_table(), 7, hyperparameters(), 1)
    assert (matrix.num_row(), matrix.num_col(), matrix.num_nonmissing()) == (6, 7, 6)


@pytest.mark.parametrize("make", [training_matrix, plain_matrix])
def test_rows_without_a_weight_weigh_one(make: Any) -> None:
    matrix = make(sparse_table(), 3, hyperparameters(), 1)
    assert matrix.get_weight().tolist() == [1, 2, 3, 1, 1, 1]


@pytest.mark.parametrize("make", [training_matrix, plain_matrix])
def test_neighbouring_rows_of_one_query_are_a_group_whatever_its_number(make: Any) -> None:
    hp = hyperparameters(objective="rank:ndcg")
    matrix = make(sparse_table([9, 9, 4, 4, 9, 9]), 3, hp, 1)
    assert np.diff(matrix.get_uint_info("group_ptr")).tolist() == [2, 2, 2]


@pytest.mark.parametrize("make", [training_matrix, plain_matrix])
def test_survival_times_are_exact(make: Any) -> None:
    hp = hyperparameters(objective="survival:aft")
    matrix = make(table("train", FEATURES, LABELS + 1, parts=2), 8, hp, 1)
    for bound in ("label_lower_bound", "label_upper_bound"):
        np.testing.assert_array_equal(matrix.get_float_info(bound), LABELS + 1)
