"""Clarify jobs from end to end: configuration, data and a real model in, files out."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import xgboost

from tests.images.clarify.datasets import adult
from tests.images.clarify.jobs import Ended, run, write
from tests.images.clarify.serving import Rows, Scores, Served, serving

FEATURES = ["age", "education-num", "hours-per-week", "sex"]
COLUMNS = ["income", *FEATURES]


def people(rows: int, *, seed: int) -> pl.DataFrame:
    some = adult().sample(rows, seed=seed)
    return some.with_columns(sex=(pl.col("sex") == "Male").cast(pl.Int64)).select(COLUMNS)


@dataclass(frozen=True, kw_only=True)
class World:
    score: Callable[[Any], Scores]
    booster: xgboost.Booster
    folder: Path  # with its file
    served: Served

    @property
    def asked(self) -> dict[str, str]:
        return {"CLARIFY_PREDICTOR_URL": self.served.address}

    @property
    def file(self) -> dict[str, str]:
        return {"CLARIFY_MODEL_DIR": str(self.folder)}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    data = people(3000, seed=1)
    matrix = xgboost.DMatrix(data.select(FEATURES).to_numpy(), label=data["income"].to_numpy())
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 3}, matrix, 15)
    folder = tmp_path_factory.mktemp("model")
    (folder / "xgboost-model").write_bytes(booster.save_raw("ubj"))

    def score(rows: Rows) -> Scores:
        return np.asarray(booster.predict(xgboost.DMatrix(np.array(rows, dtype=float))))

    with serving(score) as served:
        yield World(score=score, booster=booster, folder=folder, served=served)


@pytest.fixture(autouse=True)
def unspoiled(world: World) -> None:
    world.served.broken = None
    world.served.as_json = None
    world.served.bodies.clear()


def config(*methods: str, **more: Any) -> dict[str, Any]:
    every: dict[str, Any] = {
        "report": {"name": "report", "title": "Who earns more"},
        "pre_training_bias": {"methods": "all"},
        "post_training_bias": {"methods": "all"},
        "shap": {"baseline": [[38, 10, 40, 1]], "agg_method": "mean_abs"},
        "pdp": {"grid_resolution": 5, "top_k_features": 2},
    }
    return {
        "dataset_type": "text/csv",
        "headers": COLUMNS,
        "label": "income",
        "label_values_or_threshold": [1],
        "facet": [
            {"name_or_index": "sex", "value_or_threshold": [0]},
            {"name_or_index": "age", "value_or_threshold": [45.5]},
        ],
        "group_variable": "education-num",
        "methods": {name: every[name] for name in methods or every},
        "predictor": {"model_name": "earners", "accept_type": "text/csv"},
        "probability_threshold": 0.5,
        **more,
    }


def csv_of(frame: pl.DataFrame, *, header: bool = False) -> str:
    return frame.write_csv(include_header=header)


def test_bias_and_explanations_of_a_served_model(tmp_path: Path, world: World) -> None:
    data = people(300, seed=2)
    ended = run(tmp_path, config(), {"data.csv": csv_of(data)}, world.asked)
    assert (ended.code, ended.message) == (0, "Completed: Job completed successfully.")
    found = ended.document("analysis.json")
    assert found["version"] == "1.0"
    pre, post = found["pre_training_bias_metrics"], found["post_training_bias_metrics"]
    assert (pre["label"], pre["label_value_or_threshold"]) == ("income", "1")
    assert pre["facets"].keys() == {"sex", "age"}
    oldest = float(data["age"].to_numpy().max())
    assert pre["facets"]["age"][0]["value_or_threshold"] == f"(45.5, {oldest}]"
    metrics = {m["name"]: m for m in pre["facets"]["sex"][0]["metrics"]}
    women = int((data["sex"] == 0).sum())
    assert metrics["CI"]["value"] == pytest.approx((300 - 2 * women) / 300)
    assert len(post["facets"]["sex"][0]["metrics"]) == 13
    predicted = world.score(data.select(FEATURES).rows()) > 0.5
    is_woman = (data["sex"] == 0).to_numpy()
    impact = predicted[is_woman].mean() / predicted[~is_woman].mean()
    values = {m["name"]: m["value"] for m in post["facets"]["sex"][0]["metrics"]}
    assert values["DI"] == pytest.approx(impact)
    check_explanations(ended, found, data, world)
    curves = found["explanations"]["pdp"]
    assert len(curves) == 2
    assert len(curves[0]["model_predictions"]) == 1
    assert len(curves[0]["model_predictions"][0]) == len(curves[0]["feature_values"])


def check_explanations(ended: Ended, found: Any, data: pl.DataFrame, world: World) -> None:
    local = list(csv.DictReader(io.StringIO(ended.text("explanations_shap/out.csv"))))
    assert list(local[0]) == [f"{name}_label0" for name in FEATURES]
    assert len(local) == 300
    shap = found["explanations"]["kernel_shap"]["label0"]
    expected = float(world.score([[38, 10, 40, 1]])[0])
    assert shap["expected_value"] == pytest.approx(expected, abs=1e-6)
    sums = [sum(map(float, row.values())) + expected for row in local]
    assert sums == pytest.approx(world.score(data.select(FEATURES).rows()), abs=1e-5)
    for name, value in shap["global_shap_values"].items():
        column = [abs(float(row[f"{name}_label0"])) for row in local]
        assert value == pytest.approx(np.mean(column))
    assert ended.text("explanations_shap/baseline.csv") == ",".join(FEATURES) + "\n38,10,40,1\n"


def test_the_report_says_what_each_metric_means_on_the_page_and_on_paper(
    tmp_path: Path, world: World
) -> None:
    ended = run(tmp_path, config(), {"data.csv": csv_of(people(200, seed=3))}, world.asked)
    page = ended.text("report.html")
    for text in (
        "<title>Who earns more",
        "sex = 0",
        "Above 0, the model accepts the facet less often than the rest.",
        "What moves the predictions",
        "How predictions go with a feature",
        "earners",
    ):
        assert text in page
    assert page.count("<svg") == 10  # two facets by three, bars and swarm, two curves
    assert (ended.output / "report.pdf").read_bytes().startswith(b"%PDF")


def test_a_file_of_a_model_is_as_good_as_its_serving_program(tmp_path: Path, world: World) -> None:
    data = {"data.csv": csv_of(people(60, seed=4), header=True)}
    by_file = run(tmp_path / "a", config("shap"), data, world.file)
    by_program = run(tmp_path / "b", config("shap"), data, world.asked)
    for name in ("explanations_shap/out.csv", "explanations_shap/baseline.csv"):
        one, other = (pl.read_csv(ended.output / name) for ended in (by_file, by_program))
        assert one.columns == other.columns
        assert one.to_numpy() == pytest.approx(other.to_numpy(), abs=1e-6)


def test_trees_explain_themselves_where_the_question_is_theirs(
    tmp_path: Path, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = config("shap")
    asked["methods"]["shap"] = {"use_logit": True}
    data = people(50, seed=5)
    ended = run(tmp_path, asked, {"data.csv": csv_of(data)}, {**world.asked, **world.file})
    assert ended.code == 0
    assert "explained by tree SHAP, exact" in capsys.readouterr().out
    matrix = xgboost.DMatrix(data.select(FEATURES).to_numpy())
    expected = world.booster.predict(matrix, pred_contribs=True)
    local = pl.read_csv(ended.output / "explanations_shap/out.csv").to_numpy()
    assert local == pytest.approx(expected[:, :-1], abs=1e-6)
    assert not (ended.output / "explanations_shap/baseline.csv").exists()


@pytest.mark.parametrize(
    ("shap", "reason"),
    [
        ({}, "its values are in units of log-odds, and asked are those of output"),
        ({"use_logit": True, "num_clusters": 2}, "a baseline is given or asked for"),
    ],
)
def test_otherwise_trees_are_refused_by_who_insists(
    tmp_path: Path, world: World, shap: dict[str, Any], reason: str
) -> None:
    asked = config("shap")
    asked["methods"]["shap"] = shap
    environment = {**world.file, "CLARIFY_EXPLAINER": "tree"}
    ended = run(tmp_path, asked, {"data.csv": csv_of(people(20, seed=5))}, environment)
    assert (ended.code, ended.message) == (1, f"Error: CLARIFY_EXPLAINER is tree, and {reason}")


def test_predicted_labels_may_come_with_the_data(tmp_path: Path) -> None:
    data = people(200, seed=6).with_columns(
        guess=pl.lit(1) - pl.col("income"), id=pl.int_range(200)
    )
    asked = config("post_training_bias", headers=data.columns, predicted_label="guess")
    del asked["predictor"]
    ended = run(tmp_path, asked, {"data.csv": csv_of(data)})
    found = ended.document("analysis.json")["post_training_bias_metrics"]["facets"]["sex"][0]
    values = {m["name"]: m["value"] for m in found["metrics"]}
    assert values["RD"] == 0  # every guess is wrong, on either side
    assert values["AD"] == 0


def test_infinities_are_texts_and_what_has_no_value_says_why(tmp_path: Path) -> None:
    rows = [(1, "a", 1), (0, "a", 0), (1, "b", 0), (0, "b", 0)] * 20
    data = pl.DataFrame(rows, schema=["y", "kind", "guess"], orient="row")
    asked = config("post_training_bias", headers=data.columns, label="y", predicted_label="guess")
    asked["facet"] = [{"name_or_index": "kind", "value_or_threshold": ["a"]}]
    del asked["group_variable"]
    ended = run(tmp_path, asked, {"data.csv": csv_of(data)})
    found = ended.document("analysis.json")["post_training_bias_metrics"]["facets"]["kind"][0]
    entries = {m["name"]: m for m in found["metrics"]}
    assert entries["DI"]["value"] == "Infinity"
    assert entries["CDDPL"]["value"] is None
    assert "Group variable is empty or not provided" in entries["CDDPL"]["error"]


def test_texts_are_explained_too_and_rows_keep_their_join_column(tmp_path: Path) -> None:
    data = adult().sample(80, seed=7).select("race", "age", "income").with_row_index("id")

    def score(rows: Rows) -> Scores:
        return np.array([(row[0] == "White") * 0.3 + row[1] / 200 for row in rows])

    asked = config("shap", "pdp", headers=data.columns, joinsource_name_or_index="id", facet=[])
    asked["methods"]["shap"] = {"num_clusters": 3, "seed": 1}
    del asked["group_variable"]
    asked["predictor"]["label_headers"] = ["rich"]
    with serving(score) as served:
        environment = {"CLARIFY_PREDICTOR_URL": served.address}
        ended = run(tmp_path, asked, {"data.csv": csv_of(data)}, environment)
    assert ended.code == 0, ended.message
    local = pl.read_csv(ended.output / "explanations_shap/out.csv")
    assert local.columns == ["id", "race_rich", "age_rich"]
    assert local["id"].to_list() == data["id"].to_list()
    baseline = pl.read_csv(ended.output / "explanations_shap/baseline.csv")
    assert set(baseline["race"]) <= set(data["race"])
    curves = {c["feature_name"]: c for c in ended.document("analysis.json")["explanations"]["pdp"]}
    assert curves["race"]["data_type"] == "categorical"
    answers = dict(
        zip(curves["race"]["feature_values"], curves["race"]["model_predictions"][0], strict=True)
    )
    assert answers["White"] - answers["Black"] == pytest.approx(0.3)


def test_a_baseline_may_be_a_file_that_the_platform_put_somewhere(
    tmp_path: Path, world: World
) -> None:
    asked = config("shap")
    asked["methods"]["shap"]["baseline"] = "s3://assets/baseline.csv"
    data = {"data.csv": csv_of(people(10, seed=8))}
    ended = run(tmp_path, asked, data, world.file)
    assert (
        "'s3://assets/baseline.csv' is not among the files that the job was given" in ended.message
    )
    write(tmp_path / "processing/input/baseline/baseline.csv", "38,10,40,1\n30,9,40,0\n")
    where = {"s3://assets/baseline.csv": "/opt/ml/processing/input/baseline"}
    ended = run(tmp_path, asked, data, {**world.file, "CLARIFY_S3_FILES": json.dumps(where)})
    assert ended.code == 0, ended.message
    assert len(pl.read_csv(ended.output / "explanations_shap/baseline.csv")) == 2


def test_json_lines_go_to_a_model_that_answers_json(tmp_path: Path, world: World) -> None:
    world.served.as_json = lambda scores: {"predictions": [{"score": float(s)} for s in scores]}
    data = people(40, seed=9)
    lines = [json.dumps({"x": row[1:], "y": row[0]}) for row in data.rows()]
    asked = config(
        "post_training_bias",
        "shap",
        dataset_type="application/jsonlines",
        features="x",
        label="y",
        headers=FEATURES,
        predictor={
            "model_name": "m",
            "content_template": '{"features": $features}',
            "accept_type": "application/json",
            "probability": "predictions[*].score",
        },
    )
    ended = run(tmp_path, asked, {"data.jsonl": "\n".join(lines)}, world.asked)
    assert ended.code == 0, ended.message
    assert ended.document("analysis.json")["post_training_bias_metrics"]["label"] == "y"
    assert json.loads(world.served.bodies[0].splitlines()[0]).keys() == {"features"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"facet": [{"name_or_index": "gender"}]}, "Facet 'gender' is not a column: there are inc"),
        ({"label": "target"}, "Label 'target' is not a column: there are income, age"),
        ({"label_values_or_threshold": ["rich"]}, "Label 'income' never has the value rich: its"),
        ({"headers": COLUMNS[:3]}, "has 5 columns, and the configuration names 3 headers"),
        ({"facet": [{"name_or_index": "age"}]}, "'age' is continuous"),
    ],
)
def test_what_is_wrong_with_the_configuration_is_told(
    tmp_path: Path, world: World, change: dict[str, Any], message: str
) -> None:
    data = {"data.csv": csv_of(people(100, seed=1))}
    ended = run(tmp_path, config("pre_training_bias", **change), data, world.asked)
    assert ended.code == 1
    assert message in ended.message
    assert not (ended.output / "analysis.json").exists()


def test_a_model_that_fails_or_that_is_nowhere_ends_the_job(tmp_path: Path, world: World) -> None:
    data = {"data.csv": csv_of(people(20, seed=1))}
    world.served.broken = (400, "Unable to evaluate payload")
    ended = run(tmp_path, config("shap"), data, world.asked)
    assert "answered 400 to 1 records of text/csv: Unable to evaluate payload" in ended.message
    world.served.broken = (200, "0.1\n0.2\n0.3")
    ended = run(tmp_path, config("post_training_bias"), data, world.asked)
    assert "The model answers 3 records to 20" in ended.message
    ended = run(tmp_path, config("shap"), data)
    assert ended.message == (
        "Error: The model earners is needed, and neither CLARIFY_PREDICTOR_URL says where its "
        "serving program listens, nor CLARIFY_MODEL_DIR where its files are"
    )


def test_a_baseline_of_another_width_is_told(tmp_path: Path, world: World) -> None:
    asked = config("shap")
    asked["methods"]["shap"]["baseline"] = [[38, 10, 40]]
    ended = run(tmp_path, asked, {"data.csv": csv_of(people(20, seed=1))}, world.file)
    assert "row 1 has 3 values, and the model takes 4: age, education-num" in ended.message


def test_the_program_runs_by_itself_and_knows_no_control_plane(tmp_path: Path) -> None:
    inputs = tmp_path / "processing/input"
    asked = config("pre_training_bias")
    write(inputs / "config/analysis_config.json", json.dumps(asked))
    write(inputs / "data/data.csv", csv_of(people(100, seed=1)))
    code = (
        "import sys, runpy\n"
        "try: runpy.run_module('modelyard.images.clarify', run_name='__main__')\n"
        "finally: print([m for m in sys.modules if m.startswith('modelyard.') "
        "and not m.startswith('modelyard.images')])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "SAGEMAKER_BASE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.splitlines()[-1] == "[]"
    assert (tmp_path / "processing/output/analysis.json").exists()
