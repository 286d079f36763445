"""The training loop: round after round, evaluated, logged, saved, and repeatable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelyard.images.training import log
from modelyard.images.training.stopping import StopRequest
from modelyard.images.xgboost import checkpoints as checkpointing
from modelyard.images.xgboost import evaluation, library
from modelyard.images.xgboost.checkpoints import Booster, Checkpoints
from modelyard.images.xgboost.evaluation import EarlyStopping, Judged
from modelyard.images.xgboost.hosts import Cluster, bytes_of_first
from modelyard.images.xgboost.hyperparameters import Hyperparameters
from modelyard.images.xgboost.matrices import Matrix

_SAMPLES = ("subsample", "colsample_bytree", "colsample_bylevel", "colsample_bynode")


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one model is trained from."""

    hp: Hyperparameters
    rounds: int
    train: Matrix
    sets: Sequence[Judged]  # in the order of the log; early stopping heeds "validation"
    cluster: Cluster
    stop: StopRequest
    threads: int
    checkpoints: Checkpoints
    keep: Callable[[Booster], None] | None = None  # told of the model so far, now and then


def boost(run: Run) -> Booster:
    """Train a model, from the newest checkpoint if there is one.

    Returns:
        The model of the last round, or of the best one with early stopping; if the job is asked to
        stop, what it has become until then.

    Raises:
        ClientError: the checkpoint is of another job.
        XGBoostError: XGBoost refuses the data, fails, or loses another host.
    """
    booster = _booster(run)
    stopping = _stopping(run)
    run.stop.training_begins()
    first = booster.num_boosted_rounds()
    if first:
        log.info(f"resuming after round {first - 1}, from a checkpoint")
        _show_if_complete(run, booster, stopping)
    for round in range(first, run.rounds):
        if stopping and stopping.is_over(booster, round - 1):
            break
        if _round(run, booster, stopping, round):
            break
    return stopping.best(booster) if stopping else booster


def _booster(run: Run) -> Booster:
    content = run.checkpoints.newest(rounds=run.rounds) if run.cluster.rank == 0 else b""
    content = bytes_of_first(run.cluster, content)
    parameters = {
        "nthread": run.threads,
        **run.hp.booster,
        "eval_metric": evaluation.native_metrics(run.hp),
        # The random numbers of a round do not depend on how many came before: see _forget.
        "seed_per_iteration": True,
    }
    booster: Booster = library.load().Booster(
        parameters,
        [run.train, *(judged.matrix for judged in run.sets)],
        model_file=bytearray(content) if content else None,
    )
    if content:
        checkpointing.check_fits(
            checkpointing.load(content),
            features=run.train.num_col(),
            objective=run.hp.objective,
            booster_name=run.hp.booster.get("booster", "gbtree"),
        )
    return booster


def _stopping(run: Run) -> EarlyStopping | None:
    rounds = run.hp.early_stopping_rounds
    if rounds is None or "validation" not in {judged.name for judged in run.sets}:
        return None
    return EarlyStopping(run.hp, rounds=rounds, data="validation")


def _show_if_complete(run: Run, booster: Booster, stopping: EarlyStopping | None) -> None:
    """Log the last evaluation again where no round is left: it may not be in this log yet."""
    last = booster.num_boosted_rounds() - 1
    if last + 1 >= run.rounds or (stopping and stopping.is_over(booster, last)):
        _evaluate(run, booster, last)


def _evaluate(run: Run, booster: Booster, round: int) -> evaluation.Scores:
    scores = evaluation.evaluate(booster, run.sets, round, run.hp) if run.sets else {}
    if scores and run.cluster.rank == 0:
        evaluation.write_line(round, scores)
    return scores


def _round(run: Run, booster: Booster, stopping: EarlyStopping | None, round: int) -> bool:
    """Train one round, and tell whether it is to be the last one."""
    _forget(booster, run.hp)
    booster.update(run.train, round)
    scores = _evaluate(run, booster, round)
    if stopping:
        stopping.take(booster, round, scores)
    stopped = bool(run.cluster.maximum(np.array([int(run.stop.asked)]))[0])
    over = stopped or round + 1 == run.rounds
    over = over or bool(stopping and stopping.is_over(booster, round))
    if run.cluster.rank == 0 and (over or run.checkpoints.due()):
        run.checkpoints.save(booster, round)
        if run.keep and not over:
            run.keep(stopping.best(booster) if stopping else booster)
    return over


def _forget(booster: Booster, hp: Hyperparameters) -> None:
    """Make XGBoost forget the random numbers of earlier rounds, so that a resumed job has the same.

    `seed_per_iteration` seeds the generator anew in each round, except that of column sampling: it
    belongs to the object that grows the trees, and is seeded with the first tree of the process.
    That object is made anew when another way of growing trees has been configured in between.
    """
    if hp.is_linear or all(hp.booster.get(name, 1) == 1 for name in _SAMPLES):
        return
    name = "updater" if "updater" in hp.booster else "tree_method"
    own: Any = hp.booster.get(name, "auto")
    other = "grow_colmaker" if name == "updater" else "exact"
    if own.startswith(other):
        return  # this one keeps nothing
    booster.set_param({name: other})
    booster.save_config()  # applies what was set
    booster.set_param({name: own})
