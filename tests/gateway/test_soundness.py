from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelyard.gateway.model_file import ModelFileError
from modelyard.gateway.prepare import prepare
from modelyard.gateway.soundness import check_sound
from tests.gateway.models import FEATURES, save, train

KINDS: list[dict[str, Any]] = [
    {},
    {"booster": "dart", "rate_drop": 0.3},
    {"booster": "gblinear"},
    {"objective": "multi:softprob"},
    {"objective": "multi:softprob", "multi_strategy": "multi_output_tree", "tree_method": "hist"},
    {"gamma": 5.0, "tree_method": "exact"},
]


def parsed(**parameters: Any) -> Any:
    return json.loads(bytes(train(**parameters).save_raw("json")))


def groups(model: Any) -> int:
    return max(1, int(model["learner"]["learner_model_param"]["num_class"]))


@pytest.mark.parametrize("parameters", KINDS, ids=str)
def test_what_xgboost_trains_is_sound(parameters: dict[str, Any], tmp_path: Path) -> None:
    model = parsed(**parameters)
    check_sound(model, features=FEATURES, groups=groups(model))
    prepare(save(train(**parameters), tmp_path / "m"))


def damage(name: str, index: int, value: int) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        model["learner"]["gradient_booster"]["model"]["trees"][2][name][index] = value

    return change


def cut(*path: str) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        found = model["learner"]["gradient_booster"]
        for name in path:
            found = found[name]
        del found[-1]

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (damage("split_indices", 0, FEATURES), "features"),
        (damage("split_indices", 0, -1), "features"),
        (damage("left_children", 0, 10_000), "children of a node"),
        (damage("right_children", 0, -7), "children of a node"),
        (damage("left_children", 1, 1), "its own ancestor"),
        (damage("left_children", 0, 2**80), "OverflowError"),
        (cut("model", "tree_info"), "trees"),
        (cut("model", "iteration_indptr"), "rounds"),
    ],
)
def test_what_would_read_or_run_astray_is_refused(change: Callable[[Any], None], said: str) -> None:
    model = parsed()
    change(model)
    with pytest.raises(ModelFileError, match=rf"the model is damaged: .*{said}"):
        check_sound(model, features=FEATURES, groups=1)


def test_weights_that_are_missing_are_refused() -> None:
    for parameters, path in (
        ({"booster": "gblinear"}, ("model", "weights")),
        ({"booster": "dart", "rate_drop": 0.3}, ("weight_drop",)),
    ):
        model = parsed(**parameters)
        cut(*path)(model)
        with pytest.raises(ModelFileError, match="its weights do not fit together"):
            check_sound(model, features=FEATURES, groups=1)


def test_a_split_by_a_feature_that_rows_do_not_have_is_refused_when_prepared(
    tmp_path: Path,
) -> None:
    model = parsed()
    damage("split_indices", 0, 1_000_000)(model)
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "xgboost-model").write_text(json.dumps(model))
    with pytest.raises(ModelFileError, match="its features do not fit"):
        prepare(folder)
