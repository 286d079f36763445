"""The program itself, as the platform runs it: a process with a base folder."""

from __future__ import annotations

import io
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score

from modelyard.images.xgboost.metric_definitions import METRIC_DEFINITIONS
from tests.images.training.readers.framing import record
from tests.images.xgboost.fits import noisy
from tests.images.xgboost.jobs import Array, Files, Job, csv, evaluations, follow, job, split

CANCER = split(*load_breast_cancer(return_X_y=True))
BINARY = {"objective": "binary:logistic", "num_round": "30", "max_depth": "4"}


def test_a_model_of_the_breast_cancer_data_is_good_on_rows_held_out(tmp_path: Path) -> None:
    features, labels = CANCER.train
    trained = job(
        tmp_path,
        {**BINARY, "eval_metric": "auc,f1", "_tuning_objective_metric": "validation:auc"},
        {
            "train": {
                "a.csv": csv(features[:200], labels[:200]),
                "more/b.csv": csv(features[200:300], labels[200:300]),
                "_SUCCESS": b"",
            },
            "validation": {"c.csv": csv(features[300:], labels[300:])},
        },
    )
    code, log = trained.run()
    assert (code, trained.failure) == (0, "")
    held, truth = CANCER.held
    assert roc_auc_score(truth, trained.predict(held)) > 0.97
    lines = evaluations(log)
    assert len(lines) == 30
    regex = dict(METRIC_DEFINITIONS)["validation:auc"]
    found = re.search(regex, lines[-1])
    assert found is not None
    validation = roc_auc_score(labels[300:], trained.predict(features[300:]))
    assert float(found[1]) == pytest.approx(validation, abs=1e-4)
    assert "Train matrix has 300 rows and 30 columns" in log


def test_several_classes_are_learnt(tmp_path: Path) -> None:
    wine = split(*load_wine(return_X_y=True))
    trained = job(
        tmp_path,
        {"objective": "multi:softmax", "num_class": "3", "num_round": "20"},
        {"train": {"wine": csv(*wine.train)}},
    )
    assert trained.run()[0] == 0
    assert accuracy_score(wine.held[1], trained.predict(wine.held[0])) > 0.9


def test_numbers_are_learnt_with_weights(tmp_path: Path) -> None:
    diabetes = split(*load_diabetes(return_X_y=True))
    features, labels = diabetes.train
    weighted = csv(np.column_stack([np.ones(len(labels)), features]), labels)
    trained = job(
        tmp_path,
        {"num_round": "60", "eta": "0.1", "max_depth": "3", "csv_weights": "1"},
        {"train": {"diabetes": weighted}},
    )
    assert trained.run()[0] == 0
    assert r2_score(diabetes.held[1], trained.predict(diabetes.held[0])) > 0.35


def libsvm(features: Array, labels: Array) -> bytes:
    lines = (
        " ".join([f"{label}", *(f"{index}:{value!r}" for index, value in enumerate(row.tolist()))])
        for row, label in zip(features, labels, strict=True)
    )
    return "\n".join(lines).encode()


def parquet(features: Array, labels: Array) -> bytes:
    buffer = io.BytesIO()
    columns = {"y": labels, **{f"x{n}": features[:, n] for n in range(features.shape[1])}}
    pl.DataFrame(columns).write_parquet(buffer)
    return buffer.getvalue()


def recordio(features: Array, labels: Array) -> bytes:
    rows = zip(features.tolist(), labels.tolist(), strict=True)
    return b"".join(record(row, label, kind="float64_tensor") for row, label in rows)


def test_all_formats_of_one_table_make_one_model(tmp_path: Path) -> None:
    formats: dict[str, Callable[[Array, Array], bytes]] = {
        "text/csv; label_size=1": csv,
        "text/libsvm": libsvm,
        "application/x-parquet": parquet,
        "application/x-recordio-protobuf": recordio,
    }
    models = set()
    for number, (content_type, write) in enumerate(formats.items()):
        files: Files = {"rows": write(*CANCER.train)}
        hyperparameters = {**BINARY, "num_round": "3"}
        folder = tmp_path / str(number)
        trained = job(folder, hyperparameters, {"train": files}, content_type=content_type)
        code, log = trained.run()
        assert code == 0, log
        models.add(trained.model.read_bytes())
    assert len(models) == 1


@pytest.mark.parametrize(
    ("hyperparameters", "channels", "failure"),
    [
        (
            {"eta": "7", "num_round": "5"},
            {"train": {"a": b"1,2\n"}},
            "ClientError: 1 hyperparameter is wrong: eta=7 must be a number in [0, 1]",
        ),
        (
            {"num_round": "5", "_tuning_objective_metric": "validation:rmse"},
            {"train": {"a": b"1,2\n"}},
            "ClientError: _tuning_objective_metric is of channel 'validation', which the job lacks",
        ),
        (
            BINARY,
            {"train": {"a": b"1,2\n"}, "validation": {"b": b"0,1\n3,1\n"}},
            "ClientError: channel 'validation', file 'b', line 2: label 3 must be in [0, 1] with "
            "objective=binary:logistic",
        ),
        (
            BINARY,
            {"train": {"a": b"1,2\n"}, "validation": {"b": b"0,1,2\n"}},
            "ClientError: channel 'validation' has 2 features, where channel 'train' has 1: "
            "both must have the same columns in the same order",
        ),
        (BINARY, {}, "ClientError: there is no channel 'train', which is required"),
    ],
)
def test_a_job_that_cannot_be_done_says_why(
    tmp_path: Path, hyperparameters: dict[str, str], channels: dict[str, Files], failure: str
) -> None:
    refused = job(tmp_path, hyperparameters, channels)
    code, log = refused.run()
    assert (code, refused.failure) == (1, failure)
    assert failure in log
    assert not refused.model.exists()


def test_what_is_nobodys_fault_is_an_algorithm_error_with_its_traceback_in_the_log(
    tmp_path: Path,
) -> None:
    broken = job(tmp_path, {**BINARY, "num_round": "1"}, {"train": {"a": csv(*CANCER.train)}})
    (tmp_path / "model").write_text("in the way")
    code, log = broken.run()
    assert code == 1
    assert broken.failure.startswith("AlgorithmError: ")
    assert "Traceback (most recent call last)" in log
    assert "Traceback" not in broken.failure


def endless(folder: Path, **texts: str) -> Job:
    features, labels = noisy(2000)
    hyperparameters = {**BINARY, "num_round": "1000000", "subsample": "0.5", **texts}
    return job(folder, hyperparameters, {"train": {"rows": csv(features, labels)}})


def test_a_job_that_was_killed_goes_on_and_ends_with_the_same_model(tmp_path: Path) -> None:
    texts = {"num_round": "60", "colsample_bytree": "0.5"}
    killed, whole = endless(tmp_path / "killed", **texts), endless(tmp_path / "whole", **texts)
    with killed.start() as process:
        follow(process, 15)
        process.kill()
    assert killed.checkpoints() != []
    assert not killed.model.exists()
    code, log = killed.run()
    assert code == 0
    assert "from a checkpoint" in log
    assert whole.run()[0] == 0
    assert killed.model.read_bytes() == whole.model.read_bytes()


def test_a_job_that_is_stopped_saves_its_model_and_ends_well(tmp_path: Path) -> None:
    stopped = endless(tmp_path)
    with stopped.start() as process:
        follow(process, 5)
        process.send_signal(signal.SIGTERM)
        rest = process.communicate()[0]
    assert process.returncode == 0, rest
    assert stopped.booster().num_boosted_rounds() >= 5
    assert len(stopped.checkpoints()) > 0
    assert stopped.failure == ""


def test_a_job_that_wants_no_model_when_stopped_keeps_its_checkpoint_only(tmp_path: Path) -> None:
    stopped = endless(tmp_path, save_model_on_termination="false")
    with stopped.start() as process:
        follow(process, 2)
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert process.returncode == 0
    assert not stopped.model.exists()
    assert len(stopped.checkpoints()) > 0


def test_a_job_that_wants_its_model_on_termination_has_one_even_when_killed(tmp_path: Path) -> None:
    killed = endless(tmp_path, save_model_on_termination="true")
    with killed.start() as process:
        follow(process, 3)
        process.kill()
    assert killed.booster().num_boosted_rounds() >= 1


def test_another_command_is_refused() -> None:
    program = [sys.executable, "-m", "modelyard.images.xgboost", "serve"]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "knows one command, train, and was given serve" in done.stdout
