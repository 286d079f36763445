from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from modelyard.images.training.errors import ClientError
from modelyard.images.training.stopping import StopRequest
from modelyard.images.xgboost import library
from modelyard.images.xgboost.boosting import boost
from modelyard.images.xgboost.hosts import Alone
from modelyard.images.xgboost.hyperparameters import Hyperparameters
from tests.images.xgboost.fits import fitting, hyperparameters, noisy, run, table
from tests.images.xgboost.jobs import evaluations


def model(folder: Path, hp: Hyperparameters, *, rounds: int | None = None) -> bytes:
    return bytes(boost(run(folder, hp, rounds=rounds)).save_raw("ubj"))


@pytest.mark.parametrize(
    "texts",
    [
        {},
        {"subsample": "0.5"},
        {"subsample": "0.5", "sampling_method": "gradient_based"},
        {"colsample_bytree": "0.5"},
        {"colsample_bylevel": "0.5", "colsample_bynode": "0.5"},
        {"subsample": "0.5", "colsample_bytree": "0.5", "num_parallel_tree": "3"},
        {"tree_method": "approx", "subsample": "0.5", "colsample_bytree": "0.5"},
        {"tree_method": "exact", "subsample": "0.5", "colsample_bytree": "0.5"},
        {"updater": "grow_histmaker", "subsample": "0.5"},
        {"booster": "dart", "rate_drop": "0.3", "colsample_bytree": "0.5"},
        {"booster": "dart", "rate_drop": "0.3", "early_stopping_rounds": "3"},
        {"booster": "gblinear", "early_stopping_rounds": "3"},
        {"early_stopping_rounds": "2", "eval_metric": "auc", "eta": "1"},
        {"objective": "multi:softprob", "num_class": "2", "subsample": "0.5"},
        {"objective": "reg:absoluteerror", "subsample": "0.5"},
    ],
)
@pytest.mark.filterwarnings("ignore:.*manually specified the `updater`")
def test_a_resumed_model_is_the_same_byte_for_byte(tmp_path: Path, texts: dict[str, str]) -> None:
    hp = hyperparameters(seed="7", **texts)
    whole = model(tmp_path / "whole", hp)
    for rounds in (1, 4):  # ends, as if killed then
        model(tmp_path / "resumed", hp, rounds=rounds)
    assert model(tmp_path / "resumed", hp) == whole


def test_the_seed_changes_what_is_sampled(tmp_path: Path) -> None:
    models = {
        model(tmp_path / seed, hyperparameters(subsample="0.5", seed=seed))
        for seed in ("1", "2", "-3")
    }
    assert len(models) == 3


def test_evaluations_are_logged_like_those_of_xgboost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    features, labels = noisy()
    hp = hyperparameters(eval_metric="auc,logloss", num_round="3")
    boost(run(tmp_path, hp))
    xgboost = library.load()
    sets = [
        (xgboost.DMatrix(features[:300], labels[:300]), "train"),
        (xgboost.DMatrix(features[300:], labels[300:]), "validation"),
    ]
    mine = evaluations(capsys.readouterr().out)
    parameters = {"objective": "binary:logistic", "eval_metric": ["auc", "logloss"], "nthread": 1}
    xgboost.train(parameters, sets[0][0], 3, evals=sets)
    assert mine == evaluations(capsys.readouterr().out)
    assert len(mine) == 3


def test_own_metrics_stand_beside_those_of_xgboost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    boost(run(tmp_path, hyperparameters(eval_metric="f1,auc,accuracy", num_round="1")))
    (line,) = evaluations(capsys.readouterr().out)
    names = [part.partition(":")[0] for part in line.split("\t")]
    sets = [
        [f"{data}-{name}" for name in ("auc", "f1", "accuracy")] for data in ("train", "validation")
    ]
    assert names == ["[0]", *sets[0], *sets[1]]


def test_tweedie_is_logged_under_the_name_that_metric_definitions_look_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = {"eval_metric": "tweedie-nloglik", "tweedie_variance_power": "1.2"}
    boost(run(tmp_path, hyperparameters(objective="reg:tweedie", num_round="1", **texts)))
    assert "\tvalidation-tweedie-nloglik:" in capsys.readouterr().out


def test_early_stopping_keeps_the_best_round(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hp = hyperparameters(num_round="200", eta="1", early_stopping_rounds="4", eval_metric="auc")
    booster = boost(run(tmp_path, hp))
    lines = evaluations(capsys.readouterr().out)
    scores = [float(line.rpartition(":")[2]) for line in lines]
    best = int(np.argmax(scores))
    assert len(lines) == best + 5
    assert booster.num_boosted_rounds() == best + 1
    assert booster.best_iteration == best
    assert f"{booster.best_score:.5f}" == f"{scores[best]:.5f}"


@pytest.mark.parametrize("booster", ["gbtree", "dart", "gblinear"])
def test_the_best_rounds_model_scores_as_it_did(
    tmp_path: Path, booster: str, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = {"booster": booster, "eta": "1", "early_stopping_rounds": "3", "eval_metric": "error"}
    hp = hyperparameters(
        num_round="100", **(texts | {"rate_drop": "0.5"} if booster == "dart" else texts)
    )
    made = run(tmp_path, hp)
    best = boost(made)
    scores = [float(line.rpartition(":")[2]) for line in evaluations(capsys.readouterr().out)]
    again = best.eval_set([(made.sets[1].matrix, "validation")])
    assert float(again.rpartition(":")[2]) == pytest.approx(min(scores), abs=1e-5)


def test_early_stopping_without_a_metric_heeds_the_last_one_of_the_objective(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hp = hyperparameters(num_round="200", eta="1", early_stopping_rounds="2")
    boost(run(tmp_path, hp))
    assert len(evaluations(capsys.readouterr().out)) < 200


def test_a_stop_ends_after_the_round_with_a_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stop = StopRequest()
    stop._asked.set()
    booster = boost(run(tmp_path, hyperparameters(), stop=stop))
    assert booster.num_boosted_rounds() == 1
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["xgboost-checkpoint.0"]


def test_a_job_that_was_complete_logs_its_last_evaluation_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hp = hyperparameters()
    first = boost(run(tmp_path, hp)).save_raw()
    last = evaluations(capsys.readouterr().out)[-1]
    assert boost(run(tmp_path, hp)).save_raw() == first
    assert evaluations(capsys.readouterr().out) == [last]


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"objective": "reg:logistic"}, "objective binary:logistic in the checkpoint"),
        ({"booster": "dart"}, "booster gbtree in the checkpoint, dart in this job"),
    ],
)
def test_a_checkpoint_of_another_job_is_refused(
    tmp_path: Path, texts: dict[str, str], words: str
) -> None:
    boost(run(tmp_path, hyperparameters(), rounds=2))
    with pytest.raises(ClientError, match=words):
        boost(run(tmp_path, hyperparameters(**texts)))


def test_a_checkpoint_of_data_with_other_features_is_refused(tmp_path: Path) -> None:
    boost(run(tmp_path, hyperparameters(), rounds=2))
    features, labels = noisy(columns=5)
    tables = {"train": table("train", features, labels)}
    other = fitting(tmp_path, hyperparameters()).run(tables, 5, Alone())
    with pytest.raises(ClientError, match="features 8 in the checkpoint, 5 in this job"):
        boost(other)


def test_the_model_so_far_is_kept_now_and_then(tmp_path: Path) -> None:
    kept: list[int] = []
    made = run(tmp_path, hyperparameters())
    boost(replace(made, keep=lambda booster: kept.append(booster.num_boosted_rounds())))
    assert kept[0] == 1
