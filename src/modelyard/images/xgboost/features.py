"""How many features there are: channels, hosts and hyperparameters must agree."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from modelyard.images.training.channels import Table
from modelyard.images.training.errors import ClientError
from modelyard.images.xgboost.hosts import Cluster, together
from modelyard.images.xgboost.hyperparameters import Hyperparameters


def agree(cluster: Cluster, tables: Mapping[str, Table], hp: Hyperparameters) -> int:
    """Return the number of features of all tables on all hosts.

    Dense tables must have the same number. Sparse ones may have less: their last features may occur
    in other rows only.

    Raises:
        ClientError: they do not agree, or hyperparameters speak of features that do not exist.
    """
    together(cluster, lambda: _check_channels(tables))
    dense = [table.width for table in tables.values() if not table.sparse]
    sparse = [table.width for table in tables.values() if table.sparse]
    own = np.array([max(dense, default=0), -min(dense, default=2**31), max(sparse, default=0)])
    most_dense, least_dense, most_sparse = (int(n) for n in cluster.maximum(own) * [1, -1, 1])
    if most_dense and most_dense != least_dense:
        raise ClientError(
            f"the hosts' files have between {least_dense} and {most_dense} features: all rows must "
            f"have the same"
        )
    width = max(most_dense, most_sparse)
    if not width:
        raise ClientError("no row has any feature")
    _check_constraints(hp, width)
    return width


def _check_channels(tables: Mapping[str, Table]) -> None:
    train = tables["train"]
    for table in tables.values():
        dense = not (train.sparse or table.sparse)
        too_many = not train.sparse and table.width > train.width
        if too_many or (dense and table.width != train.width):
            raise ClientError(
                f"channel '{table.channel}' has {table.width} features, where channel 'train' has "
                f"{train.width}: both must have the same columns in the same order"
            )


def _check_constraints(hp: Hyperparameters, width: int) -> None:
    signs = hp.monotone_constraints
    if len(signs) > width:
        raise ClientError(
            f"monotone_constraints has {len(signs)} signs, where the data has {width} features"
        )
    largest = max((index for group in hp.interaction_constraints for index in group), default=0)
    if largest >= width:
        raise ClientError(
            f"interaction_constraints has feature {largest}, where the data has {width} features, "
            f"counted from 0"
        )
