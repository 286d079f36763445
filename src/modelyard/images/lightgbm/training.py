"""One training job, from its configuration to its model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelyard.images.lightgbm import hyperparameters
from modelyard.images.lightgbm.hyperparameters import OBJECTIVES, Hyperparameters
from modelyard.images.tabular import inputs
from modelyard.images.training import log
from modelyard.images.training.errors import ClientError
from modelyard.images.training.job import Job
from modelyard.images.training.layout import Layout

if TYPE_CHECKING:
    from modelyard.images.tabular.task import Task

_OBJECTIVE = {"regression": "regression", "binary": "binary", "multiclass": "multiclass"}
_METRIC = {"regression": "rmse", "binary": "binary_logloss", "multiclass": "multi_logloss"}


def train(layout: Layout) -> None:
    """Run the job whose files lie in `layout`.

    Raises:
        ClientError: its configuration or its data is wrong.
    """
    job = Job.begin(layout, inputs.INPUTS)
    hp = hyperparameters.validate(job.hyperparameters)
    data = inputs.data_of(job.channels, seed=hp.seed)
    task = _task(hp, data.train)
    from modelyard.images.lightgbm import model

    booster = _boosted(hp, data, task)
    model.save(layout.model, booster, task, data.train.features.shape[1])
    log.info(f"{task.kind} of {booster.current_iteration()} rounds saved")


def _task(hp: Hyperparameters, train: inputs.Rows) -> Task:
    from modelyard.images.tabular.task import checked, detected

    if hp.objective == "auto":
        return detected(train.labels)
    kind = OBJECTIVES[hp.objective]
    return checked(kind, train.labels, because=f"objective={hp.objective}")


def _boosted(hp: Hyperparameters, data: inputs.Data, task: Task) -> Any:
    import lightgbm

    objective = _OBJECTIVE[task.kind] if hp.objective == "auto" else hp.objective
    parameters = {
        "verbosity": 0,
        "seed": hp.seed,
        # The same model on every machine, whatever its processors.
        "deterministic": True,
        "force_row_wise": True,
        **hp.booster,
        "objective": objective,
        "metric": _METRIC[task.kind] if hp.metric == "auto" else hp.metric,
        **({"num_class": task.classes} if task.kind == "multiclass" else {}),
    }
    lightgbm.register_logger(_Logger())
    sets = [_dataset(rows, data.categories) for rows in (data.train, data.validation)]
    try:
        return lightgbm.train(
            parameters,
            sets[0],
            hp.num_boost_round,
            valid_sets=[sets[1]],
            valid_names=["validation"],
            callbacks=[_log_scores, *_stopping(hp)],
        )
    except lightgbm.basic.LightGBMError as error:
        raise ClientError(f"LightGBM refuses the data or the hyperparameters: {error}") from error


def _dataset(rows: inputs.Rows, categories: tuple[int, ...]) -> Any:
    import lightgbm

    return lightgbm.Dataset(
        rows.features, rows.labels, categorical_feature=list(categories), free_raw_data=False
    )


def _stopping(hp: Hyperparameters) -> list[Any]:
    import lightgbm

    if hp.early_stopping_rounds <= 0:
        return []
    return [lightgbm.early_stopping(hp.early_stopping_rounds, first_metric_only=True)]


def _log_scores(environment: Any) -> None:
    """Log a round's scores as LightGBM does, but never with an exponent, which JumpStart's regular
    expressions would cut off."""
    for name, metric, value, *_ in environment.evaluation_result_list:
        log.line(f"[{environment.iteration + 1}]\t{name}'s {metric}: {value:.8f}")


class _Logger:
    """What LightGBM says goes to the job's log."""

    def info(self, text: str) -> None:
        """Log a word."""
        log.info(text.strip())

    def warning(self, text: str) -> None:
        """Log a word of warning."""
        log.warning(text.strip())
