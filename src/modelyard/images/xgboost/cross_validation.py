"""Repeated k-fold cross-validation (`_kfold`, `_num_cv_round`).

All rows of both channels are dealt into k folds, classes evenly; each fold in turn is held out of
training and judged. The models are `xgboost-model-0` and so on, the predictions of held-out rows
`output/data/predictions.csv`, the means over folds the last evaluation line: as in the container of
AWS, which however judges each fold's model on the rows that it has learnt. Beyond it, a last model
is trained on all rows and saved as `xgboost-model`, so that there is one to deploy; with early
stopping, for as many rounds as the folds' models needed on average.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from modelyard.images.training import log
from modelyard.images.training.channels import TRAIN, VALIDATION, Table
from modelyard.images.training.errors import ClientError
from modelyard.images.training.files import write_whole
from modelyard.images.training.labels import Floats
from modelyard.images.training.readers import Rows, Sparse
from modelyard.images.training.tables import compressed
from modelyard.images.xgboost import evaluation
from modelyard.images.xgboost.boosting import Run, boost
from modelyard.images.xgboost.checkpoints import Booster
from modelyard.images.xgboost.fitting import Fitting
from modelyard.images.xgboost.hosts import Alone
from modelyard.images.xgboost.scores import predicted_classes

Indices = NDArray[np.int64]


def deal(labels: Floats, *, folds: int, seed: int, by_class: bool) -> Indices:
    """Return the fold of each row: folds differ by one row at most, and so do their classes.

    Args:
        labels: (rows,)
        folds: how many.
        seed: of the shuffling.
        by_class: whether labels are classes.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    if by_class:
        order = order[np.argsort(labels[order], kind="stable")]
    dealt = np.empty(len(labels), np.int64)
    dealt[order] = np.arange(len(labels)) % folds
    return dealt


def run(fitting: Fitting, tables: Mapping[str, Table], width: int, *, folds: int) -> None:
    """Cross-validate, and save all models.

    Raises:
        ClientError: there are fewer rows than folds.
    """
    rows = _whole([part for table in tables.values() for part in table.parts], width)
    if len(rows.labels) < folds:
        raise ClientError(f"_kfold={folds} is more than the {len(rows.labels)} rows of the data")
    record = _Record(fitting, rows.labels)
    for repeat in range(fitting.hp.fold_rounds):
        if not _repeat(fitting, rows, width, record, repeat=repeat, folds=folds):
            return
    rounds = record.mean_rounds()
    log.info(f"training the last model on all {len(rows.labels)} rows for {rounds} rounds")
    last = fitting.run({TRAIN: _table(TRAIN, rows)}, width, Alone(), fold="model")
    booster = boost(replace(last, sets=(), rounds=rounds))
    if fitting.saves:
        fitting.save(booster)
    record.save()
    record.write_means(record.scores)


def _repeat(
    fitting: Fitting, rows: Rows, width: int, record: _Record, *, repeat: int, folds: int
) -> bool:
    """Train one model for each fold, and tell whether none was cut short."""
    seed = int(fitting.hp.booster.get("seed", 0)) % 2**32
    dealt = deal(rows.labels, folds=folds, seed=seed + repeat, by_class=record.by_class)
    for fold in range(folds):
        number = repeat * folds + fold
        log.info(f"cross-validation round {repeat + 1}, fold {fold + 1}")
        held = np.flatnonzero(dealt == fold)
        learnt = np.flatnonzero(dealt != fold)
        tables = {
            TRAIN: _table(TRAIN, _take(rows, learnt, width)),
            VALIDATION: _table(VALIDATION, _take(rows, held, width)),
        }
        run = fitting.run(tables, width, Alone(), fold=f"model-{number}")
        booster = boost(run)
        if fitting.saves:
            fitting.save(booster, suffix=f"-{number}")
        if fitting.stop.asked:
            return False
        record.add(run, booster, held, repeat=repeat)
    record.write_means(record.scores[-folds:])
    return True


class _Record:
    """What the folds' models have predicted, and how well."""

    def __init__(self, fitting: Fitting, labels: Floats) -> None:
        self._fitting = fitting
        self._labels = labels
        self._objective = fitting.hp.objective
        self._rounds: list[int] = []
        repeats = fitting.hp.fold_rounds
        self._predictions = np.zeros((len(labels), repeats))
        self._probabilities = np.zeros((len(labels), repeats))
        self.scores: list[evaluation.Scores] = []
        self.by_class = self._objective.startswith(("binary:", "multi:"))

    def add(self, run: Run, booster: Booster, held: Indices, *, repeat: int) -> None:
        """Judge a fold's model, which is the best round's with early stopping."""
        rounds = booster.num_boosted_rounds()
        self._rounds.append(rounds)
        self.scores.append(evaluation.evaluate(booster, run.sets, rounds - 1, run.hp))
        predictions = booster.predict(run.sets[-1].matrix)
        if self.by_class:
            self._probabilities[held, repeat] = _probabilities(predictions, self._objective)
            predictions = predicted_classes(predictions, self._objective)
        self._predictions[held, repeat] = predictions

    def mean_rounds(self) -> int:
        """Return how many rounds the models have on average."""
        return max(1, round(float(np.mean(self._rounds))))

    def write_means(self, scores: Sequence[evaluation.Scores]) -> None:
        """Log the means of some folds' scores as one evaluation line."""
        means = {
            data: {name: float(np.mean([each[data][name] for each in scores])) for name in metrics}
            for data, metrics in scores[0].items()
        }
        evaluation.write_line(self._fitting.hp.num_round, means)

    def save(self) -> None:
        """Write label, mean probability (of classes) and prediction of each row as CSV.

        The prediction of a class is the one that most repeats agree on, the smallest of several.
        """
        columns = [self._labels, self._predictions.mean(axis=1)]
        if self.by_class:
            votes = [np.bincount(row.astype(np.int64)).argmax() for row in self._predictions]
            columns = [self._labels, self._probabilities.mean(axis=1), np.array(votes)]
        lines = (",".join(f"{value:f}" for value in row) for row in zip(*columns, strict=True))
        path = self._fitting.layout.output_data / "predictions.csv"
        write_whole(path, ("\n".join(lines) + "\n").encode())


def _probabilities(predictions: Floats, objective: str) -> Floats:
    """Return the probability of the positive class of two, or of the predicted one of several."""
    if predictions.ndim == 2:
        return np.asarray(predictions.max(axis=1))
    if objective == "binary:logitraw":
        logistic = 0.5 * (1 + np.tanh(0.5 * predictions))  # this form does not overflow
        return np.asarray(logistic)
    if objective == "multi:softmax":
        return np.ones_like(predictions)  # it gives no probabilities
    return predictions


def _whole(parts: Sequence[Rows], width: int) -> Rows:
    """Return parts in one piece."""
    weighted = any(part.weights is not None for part in parts)
    weights = [
        np.ones_like(part.labels) if part.weights is None else part.weights for part in parts
    ]
    return Rows(
        features=_joined([part.features for part in parts], width),
        labels=np.concatenate([part.labels for part in parts]),
        weights=np.concatenate(weights) if weighted else None,
    )


def _take(rows: Rows, chosen: Indices, width: int) -> Rows:
    features = rows.features
    if isinstance(features, Sparse):
        taken: Floats | Sparse = _sparse(compressed(features, width)[chosen])
    else:
        taken = features[chosen]
    weights = None if rows.weights is None else rows.weights[chosen]
    return Rows(features=taken, labels=rows.labels[chosen], weights=weights)


def _joined(features: Sequence[Floats | Sparse], width: int) -> Floats | Sparse:
    sparse = [part for part in features if isinstance(part, Sparse)]
    dense = [part for part in features if not isinstance(part, Sparse)]
    if not sparse:
        return np.concatenate(dense)
    if dense:
        raise ClientError("_kfold joins both channels: both must be dense, or both sparse")
    return _sparse(scipy.sparse.vstack([compressed(part, width) for part in sparse]))


def _sparse(matrix: scipy.sparse.csr_matrix) -> Sparse:
    return Sparse(
        values=matrix.data,
        columns=matrix.indices.astype(np.int64),
        offsets=matrix.indptr.astype(np.int64),
        width=matrix.shape[1],
    )


def _table(channel: str, rows: Rows) -> Table:
    return Table(channel=channel, parts=[rows], width=rows.width, sparse=rows.sparse)
