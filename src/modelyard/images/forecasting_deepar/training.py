"""One training job, from its configuration to its model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from modelyard.images.forecasting_deepar import hyperparameters
from modelyard.images.forecasting_deepar.hyperparameters import Hyperparameters
from modelyard.images.training import log, quality
from modelyard.images.training.channels import TEST, TRAIN, Channel, Inputs, lines
from modelyard.images.training.errors import ClientError
from modelyard.images.training.job import Job
from modelyard.images.training.layout import Layout

if TYPE_CHECKING:
    from modelyard.images.forecasting_deepar.forecasting import Forecaster
    from modelyard.images.forecasting_deepar.series import Array

_JSON = ("json", "application/json", "application/jsonlines")
INPUTS = Inputs(
    channels=(TRAIN, TEST),
    content_types=dict.fromkeys(_JSON, "json-lines"),
    default="json",
)


def train(layout: Layout) -> None:
    """Run the job whose files lie in `layout`.

    Raises:
        ClientError: its configuration or its data is wrong.
    """
    job = Job.begin(layout, INPUTS)
    hp = hyperparameters.validate(job.hyperparameters)
    log.warning("this is a statistical forecaster under the contract of DeepAR, and no network")
    for note in hp.notes:
        log.warning(note)
    from modelyard.images.forecasting_deepar import choosing, model

    series = {name: _series(channel, hp) for name, channel in job.channels.items()}
    forecaster, loss = choosing.choose(series[TRAIN], hp)
    if loss == loss:  # it is NaN where nothing could be compared
        quality.write(job.host, TRAIN, "final_loss", "loss", loss)
    if TEST in series:
        _log_quality(job.host, series[TEST], forecaster, hp)
    model.save(layout.model, forecaster)
    log.info(f"{forecaster.form} saved")


def _series(channel: Channel, hp: Hyperparameters) -> list[Array]:
    from modelyard.images.forecasting_deepar.series import target_of

    found = []
    for place, line in lines(channel):
        try:
            record = json.loads(line)
            found.append(target_of(record))
        except ValueError as error:
            raise ClientError(f"{place}: {error}") from error
        _check_covariates(record, hp, place)
    log.info(f"channel '{channel.name}': {len(found)} series")
    return found


def _check_covariates(record: Mapping[str, Any], hp: Hyperparameters, place: str) -> None:
    ignored = {
        "cat": (hp.ignores_categories, "cardinality"),
        "dynamic_feat": (hp.ignores_features, "num_dynamic_feat"),
    }
    for name, (ignores, hyperparameter) in ignored.items():
        if name in record and not ignores:
            raise ClientError(
                f"{place}: the series has {name!r}, of which a statistical forecaster learns "
                f"nothing: leave it out, or set {hyperparameter}=ignore"
            )


def _log_quality(
    host: str, series: list[Array], forecaster: Forecaster, hp: Hyperparameters
) -> None:
    import numpy as np

    from modelyard.images.forecasting_deepar.choosing import cases_of, weighted_quantile_loss

    cases = cases_of(series, hp.prediction_length)
    if not cases:
        raise ClientError(
            f"channel '{TEST}': no series is longer than "
            f"prediction_length={hp.prediction_length}, so nothing can be measured"
        )
    paths = [forecaster.samples(known, hp.num_eval_samples) for known, _ in cases]
    truths = [truth for _, truth in cases]
    errors = [path.mean(axis=0) - truth for path, truth in zip(paths, truths, strict=True)]
    rmse = float(np.sqrt(np.nanmean(np.square(np.concatenate(errors)))))
    loss = weighted_quantile_loss(paths, truths, hp.quantiles)
    quality.write(host, TEST, "RMSE", "loss", rmse)
    quality.write(host, TEST, "mean_wQuantileLoss", "loss", loss)
