"""One training job, from its configuration to its model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelyard.images.catboost import hyperparameters
from modelyard.images.catboost.hyperparameters import LOSSES, Hyperparameters
from modelyard.images.tabular import inputs
from modelyard.images.training import log
from modelyard.images.training.errors import ClientError
from modelyard.images.training.job import Job
from modelyard.images.training.layout import Layout

if TYPE_CHECKING:
    from modelyard.images.tabular.task import Task

_LOSS = {kind: loss for loss, kind in LOSSES.items()}
_METRIC = {"regression": "RMSE", "binary": "AUC", "multiclass": "MultiClass"}


def train(layout: Layout) -> None:
    """Run the job whose files lie in `layout`.

    Raises:
        ClientError: its configuration or its data is wrong.
    """
    job = Job.begin(layout, inputs.INPUTS)
    hp = hyperparameters.validate(job.hyperparameters)
    data = inputs.data_of(job.channels, seed=hp.seed)
    task = _task(hp, data.train)
    from modelyard.images.catboost import model

    booster = _boosted(hp, data, task, train_folder=str(layout.output_data))
    metric = _METRIC[task.kind]
    best = booster.get_best_score()["validation"][metric]
    log.line(f"{metric}: bestTest = {best:.8f}")
    model.save(layout.model, booster, task, data)
    log.info(f"{task.kind} of {booster.tree_count_} trees saved")


def _task(hp: Hyperparameters, train: inputs.Rows) -> Task:
    from modelyard.images.tabular.task import checked, detected

    if hp.loss_function == "auto":
        return detected(train.labels)
    kind = LOSSES[hp.loss_function]
    return checked(kind, train.labels, because=f"loss_function={hp.loss_function}")


def _boosted(hp: Hyperparameters, data: inputs.Data, task: Task, *, train_folder: str) -> Any:
    import catboost

    from modelyard.images.catboost.pools import pool_of

    early = hp.early_stopping_rounds
    booster = catboost.CatBoost(
        {
            **hp.booster,
            "loss_function": _LOSS[task.kind],
            "eval_metric": _METRIC[task.kind],
            **({"classes_count": task.classes} if task.kind == "multiclass" else {}),
            **({"early_stopping_rounds": early} if early > 0 else {}),
            "allow_writing_files": False,
            "train_dir": train_folder,
            "verbose": max(1, hp.booster["iterations"] // 20),
        }
    )
    try:
        booster.fit(
            pool_of(data.train.features, data.categories, data.train.labels),
            eval_set=pool_of(data.validation.features, data.categories, data.validation.labels),
        )
    except catboost.CatBoostError as error:
        raise ClientError(
            f"CatBoost refuses the data or the hyperparameters: {str(error).splitlines()[0]}"
        ) from error
    return booster
