"""From channels to what candidates learn from, and all that is told on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelyard.images.autopilot.hyperparameters import Hyperparameters, validate
from modelyard.images.autopilot.material import analysed, material_of
from modelyard.images.autopilot.specification import Specification, specification_of
from modelyard.images.training.channels import Channel
from modelyard.images.training.errors import ClientError
from tests.images.autopilot.toys import channel, csv

ROWS = 40
GOOD: dict[str, list[Any]] = {
    "size": [n / 7 for n in range(ROWS)],
    "colour": ["red", "blue"] * (ROWS // 2),
    "weight": [1, 2] * (ROWS // 2),
    "y": ["no", "yes"] * (ROWS // 2),
}


def look(folder: Path, columns: dict[str, list[Any]] | None = None, **asked: Any) -> Any:
    hp = Hyperparameters(**{"target": "y", **asked})
    found = analysed({"train": channel(folder, a=csv(columns or GOOD))}, hp, Specification())
    return found, hp


def test_rows_without_a_target_are_left_out(tmp_path: Path) -> None:
    found, hp = look(tmp_path, {**GOOD, "y": [None, *GOOD["y"][1:]]})
    assert found.without_target == 1
    material = material_of(found, hp)
    assert material.rows.features.shape == (ROWS - 1, 3)
    assert set(material.rows.truth) == {0, 1}


def test_the_sample_weight_is_no_feature_and_no_column_of_a_row_to_score(tmp_path: Path) -> None:
    found, hp = look(tmp_path, sample_weight="weight")
    material = material_of(found, hp)
    assert material.plan.columns == ["size", "colour"]
    assert material.rows.weights is not None
    assert material.rows.weights.tolist() == [1.0, 2.0] * (ROWS // 2)


def test_a_validation_channel_is_what_candidates_are_judged_by(tmp_path: Path) -> None:
    given = {
        "train": channel(tmp_path, a=csv(GOOD)),
        "validation": channel(tmp_path, "validation", a=csv(GOOD)),
    }
    found = analysed(given, Hyperparameters(target="y"), Specification())
    material = material_of(found, Hyperparameters(target="y"))
    assert np.array_equal(material.split.held_out, np.arange(ROWS, 2 * ROWS))


def test_the_feature_specification_chooses_columns_and_says_what_they_are(tmp_path: Path) -> None:
    place = tmp_path / "specification"
    place.mkdir()
    said = {
        "FeatureAttributeNames": ["size", "weight"],
        "FeatureDataTypes": {"weight": "categorical"},
    }
    (place / "spec.json").write_text(json.dumps(said))
    given = specification_of(Channel(name="specification", format="text", folder=place))
    hp = Hyperparameters(target="y")
    found = analysed({"train": channel(tmp_path, a=csv(GOOD))}, hp, given)
    sources = material_of(found, hp).plan.sources
    assert [(source.column, source.kind) for source in sources] == [
        ("size", "numeric"),
        ("weight", "category"),
    ]


@pytest.mark.parametrize(
    ("columns", "asked", "said"),
    [
        (GOOD, {"target": "z"}, "no column 'z', which is to be the target: the columns are size"),
        (GOOD, {"sample_weight": "w"}, "no column 'w', which is to be the sample weight"),
        (GOOD, {"sample_weight": "colour"}, "has a value 'red': it must be a number >= 0"),
        ({**GOOD, "y": ["a"] * ROWS}, {}, "has one value only, 'a'"),
        ({**GOOD, "y": [None] * ROWS}, {}, "all of them are missing"),
        ({"x": [None] * ROWS, "y": GOOD["y"]}, {}, "'x': all its values are missing"),
        ({"y": GOOD["y"]}, {}, "There is only the target"),
        ({name: column[:4] for name, column in GOOD.items()}, {}, "4 rows have a value"),
    ],
)
def test_data_that_nothing_can_be_learnt_from_are_told(
    tmp_path: Path, columns: dict[str, list[Any]], asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(ClientError, match=said):
        material_of(*look(tmp_path, columns, **asked))


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({}, "target is required"),
        ({"target": "y", "max_candidates": "0"}, "max_candidates=0 must be an integer in"),
        ({"target": "y", "objective": "AUC"}, "must be given together"),
        (
            {"target": "y", "objective": "AUC", "problem_type": "Regression"},
            "the objective AUC is not offered for Regression",
        ),
        ({"target": "y", "algorithms": "mlp"}, "algorithms=mlp must be"),
        ({"target": "y", "tree": "1"}, "tree=1 is not a hyperparameter"),
    ],
)
def test_hyperparameters_that_are_wrong_are_told(texts: dict[str, str], said: str) -> None:
    with pytest.raises(ClientError, match=said):
        validate(texts)
