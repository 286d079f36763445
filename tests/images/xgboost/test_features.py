from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modelyard.images.training.channels import Table
from modelyard.images.training.errors import ClientError
from modelyard.images.xgboost.features import agree
from modelyard.images.xgboost.hosts import Alone
from tests.images.xgboost.fits import hyperparameters


def table(channel: str, width: int, *, sparse: bool = False) -> Table:
    return Table(channel=channel, parts=[], width=width, sparse=sparse)


def width(train: Table, validation: Table | None = None, **texts: str) -> int:
    tables = {found.channel: found for found in (train, validation) if found is not None}
    return agree(Alone(), tables, hyperparameters(**texts))


def test_dense_channels_have_the_same_number_of_features() -> None:
    assert width(table("train", 4), table("validation", 4)) == 4
    for other in (3, 5):
        with pytest.raises(ClientError, match=f"has {other} features, where channel 'train' has 4"):
            width(table("train", 4), table("validation", other))


def test_sparse_channels_are_as_wide_as_the_widest() -> None:
    assert width(table("train", 4, sparse=True), table("validation", 6, sparse=True)) == 6


def test_a_sparse_channel_fits_into_a_dense_one_or_is_refused() -> None:
    assert width(table("train", 4), table("validation", 2, sparse=True)) == 4
    with pytest.raises(ClientError, match="channel 'validation' has 5 features"):
        width(table("train", 4), table("validation", 5, sparse=True))


def test_rows_without_any_feature_are_refused() -> None:
    with pytest.raises(ClientError, match="no row has any feature"):
        width(table("train", 0, sparse=True))


def test_constraints_on_features_that_do_not_exist_are_refused() -> None:
    assert width(table("train", 2), monotone_constraints="(1,0)") == 2
    with pytest.raises(ClientError, match="monotone_constraints has 3 signs"):
        width(table("train", 2), monotone_constraints="(1,0,1)")
    with pytest.raises(ClientError, match="interaction_constraints has feature 2, where"):
        width(table("train", 2), interaction_constraints="[[0,2]]")


def test_hosts_whose_files_differ_are_refused() -> None:
    class Other(Alone):
        """Another host has five dense features."""

        def maximum(self, values: Any) -> Any:
            return np.maximum(values, [5, -5, 0]) if len(values) == 3 else values

    with pytest.raises(ClientError, match="between 4 and 5 features"):
        agree(Other(), {"train": table("train", 4)}, hyperparameters())
