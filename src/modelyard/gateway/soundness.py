"""Whether predicting with a model can go wrong in memory.

XGBoost believes what a model file says: a split by a feature that a row does not have reads past
the row's end, and a node that is its own ancestor never comes to a leaf. A worker serves the models
of many, so what would harm it is refused when the model is prepared.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelyard.gateway.model_file import ModelFileError


def trees_of(model: Any) -> list[Any]:
    """Return the trees of a model's parsed JSON; a linear one has none."""
    booster = model["learner"]["gradient_booster"]
    booster = booster.get("gbtree", booster)  # of dart
    trees: list[Any] = booster.get("model", {}).get("trees", [])
    return trees


def check_sound(model: Any, *, features: int, groups: int) -> None:
    """Return if every way through the model, as parsed JSON, ends at a leaf of its own.

    Args:
        features: the width of a row.
        groups: how many outputs the trees add up to.

    Raises:
        ModelFileError: the model is damaged, or worse.
    """
    booster = model["learner"]["gradient_booster"]
    trees = trees_of(model)
    try:
        for tree in trees:
            _check_tree(tree, features)
        if booster["name"] == "gblinear":
            _require(len(booster["model"]["weights"]) == (features + 1) * groups, "weights")
            return
        drawn = booster.get("gbtree", booster)["model"]
        _require(len(drawn["tree_info"]) == len(trees), "trees")
        _require(all(0 <= group < groups for group in drawn["tree_info"]), "groups")
        rounds = np.array(drawn["iteration_indptr"], dtype=np.int64)
        _require(rounds[0] == 0 and rounds[-1] == len(trees), "rounds")
        _require(bool(np.all(np.diff(rounds) >= 0)), "rounds")
        if booster["name"] == "dart":
            _require(len(booster["weight_drop"]) == len(trees), "weights")
    except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        raise ModelFileError(f"the model is damaged: {error!r}") from error


def _check_tree(tree: Any, features: int) -> None:
    left = np.array(tree["left_children"], dtype=np.int64)
    right = np.array(tree["right_children"], dtype=np.int64)
    by = np.array(tree["split_indices"], dtype=np.int64)
    count = len(left)
    _require(0 < count == len(right) == len(by) == len(tree["split_conditions"]), "nodes of a tree")
    level = np.zeros(1, dtype=np.int64)
    reached = 0
    while len(level):
        reached += len(level)
        _require(reached <= count, "nodes of a tree: one is its own ancestor")
        splits = level[left[level] != -1]
        _require(bool(np.all((by[splits] >= 0) & (by[splits] < features))), "features")
        leaves = level[left[level] == -1]
        _check_leaves(tree, right[leaves])
        level = np.concatenate([left[splits], right[splits]])
        _require(bool(np.all((level > 0) & (level < count))), "children of a node")
    _check_categories(tree)


def _check_leaves(tree: Any, index: Any) -> None:
    """Check which leaf values the leaves of a tree with several outputs refer to."""
    size = int(tree["tree_param"]["size_leaf_vector"])
    if size > 1:
        _require(
            bool(np.all((index >= 0) & ((index + 1) * size <= len(tree["leaf_weights"])))), "leaves"
        )


def _check_categories(tree: Any) -> None:
    segments = np.array(tree["categories_segments"], dtype=np.int64)
    sizes = np.array(tree["categories_sizes"], dtype=np.int64)
    _require(len(segments) == len(sizes) == len(tree["categories_nodes"]), "categories")
    ends = segments + sizes
    total = len(tree["categories"])
    _require(bool(np.all((segments >= 0) & (sizes >= 0) & (ends <= total))), "categories")


def _require(sound: bool, what: str) -> None:
    if not sound:
        raise ModelFileError(
            f"the model is damaged: its {what} do not fit together. Train or save it again"
        )
