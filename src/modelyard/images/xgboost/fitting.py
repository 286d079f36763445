"""Fitting: from tables to a trained and saved model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from modelyard.images.training import log
from modelyard.images.training.channels import TRAIN, Table
from modelyard.images.training.files import write_whole
from modelyard.images.training.labels import Floats
from modelyard.images.training.layout import Layout
from modelyard.images.training.stopping import StopRequest
from modelyard.images.training.tables import labels as labels_of
from modelyard.images.xgboost import evaluation, matrices
from modelyard.images.xgboost.boosting import Run, boost
from modelyard.images.xgboost.checkpoints import Booster, Checkpoints
from modelyard.images.xgboost.evaluation import Judged
from modelyard.images.xgboost.hosts import Cluster
from modelyard.images.xgboost.hyperparameters import Hyperparameters
from modelyard.images.xgboost.matrices import Matrix
from modelyard.images.xgboost.scores import Scorer

MODEL_NAME = "xgboost-model"


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """What all models of a job have in common."""

    layout: Layout
    folder: Path  # of checkpoints
    hp: Hyperparameters
    stop: StopRequest
    threads: int

    def fit(self, tables: Mapping[str, Table], width: int, cluster: Cluster) -> None:
        """Train the job's model, and save it on the first host."""
        run = self.run(tables, width, cluster)
        if self.hp.save_on_termination and cluster.rank == 0:
            run = replace(run, keep=self.write)
        booster = boost(run)
        if cluster.rank == 0 and self.saves:
            self.save(booster)

    def run(
        self, tables: Mapping[str, Table], width: int, cluster: Cluster, *, fold: str = ""
    ) -> Run:
        """Return how to train on tables, which are emptied to save memory.

        Args:
            tables: by channel; "train" is learnt from, and all are evaluated.
            width: the number of features.
            cluster: the hosts that train together.
            fold: the folder of this model's checkpoints, where a job has several models.
        """
        labels = {name: labels_of(table) for name, table in tables.items()}
        train = matrices.training_matrix(tables[TRAIN], width, self.hp, self.threads)
        sets = [self._judged(TRAIN, train, labels[TRAIN], cluster)]
        for name, table in tables.items():
            if name != TRAIN:
                matrix = matrices.plain_matrix(table, width, self.hp, self.threads)
                sets.append(self._judged(name, matrix, labels[name], cluster))
        return Run(
            hp=self.hp,
            rounds=self.hp.num_round,
            train=train,
            sets=sets,
            cluster=cluster,
            stop=self.stop,
            threads=self.threads,
            checkpoints=Checkpoints(self.folder / fold),
        )

    @property
    def saves(self) -> bool:
        """Whether the model as it now is is wanted."""
        return not (self.stop.asked and self.hp.save_on_termination is False)

    def save(self, booster: Booster, suffix: str = "") -> None:
        """Write a model that is finished, and say so."""
        self.write(booster, suffix)
        log.info(f"model of {booster.num_boosted_rounds()} rounds saved as {MODEL_NAME}{suffix}")

    def write(self, booster: Booster, suffix: str = "") -> None:
        """Write a model in UBJ format, whole or not at all."""
        path = self.layout.model / f"{MODEL_NAME}{suffix}"
        write_whole(path, bytes(booster.save_raw("ubj")))

    def _judged(self, name: str, matrix: Matrix, labels: Floats, cluster: Cluster) -> Judged:
        metrics = evaluation.own_metrics(self.hp)
        if not metrics:
            return Judged(name=name, matrix=matrix, scorer=None)
        scorer = Scorer(
            metrics,
            labels,
            objective=self.hp.objective,
            num_class=self.hp.num_class,
            cluster=cluster,
        )
        return Judged(name=name, matrix=matrix, scorer=scorer)
