"""One training job, from its configuration to its model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from modelyard.images.training import channels as inputs
from modelyard.images.training import content_types, log
from modelyard.images.training.channels import TRAIN, VALIDATION, Channel, Inputs, Table
from modelyard.images.training.errors import ClientError
from modelyard.images.training.layout import Configuration, Layout
from modelyard.images.training.stopping import StopRequest
from modelyard.images.xgboost import hyperparameters
from modelyard.images.xgboost.hyperparameters import Hyperparameters

if TYPE_CHECKING:
    from modelyard.images.xgboost.fitting import Fitting
    from modelyard.images.xgboost.hosts import Cluster

INPUTS = Inputs(channels=(TRAIN, VALIDATION), content_types=content_types.FORMATS, default="libsvm")


def train(layout: Layout) -> None:
    """Run the job whose files lie in `layout`.

    Raises:
        ClientError: its configuration or its data is wrong.
        AlgorithmError: it failed through no fault of its owner.
    """
    stop = StopRequest()
    stop.watch()
    config = Configuration.read(layout)
    hp = hyperparameters.validate(config.hyperparameters, hosts=len(config.hosts))
    channels = inputs.channels(config.channels, layout.channel, INPUTS)
    _check_together(hp, channels)
    threads = _threads(hp)
    _limit_threads(threads)
    from modelyard.images.xgboost import hosts  # numpy and XGBoost come with it
    from modelyard.images.xgboost.explaining import explained
    from modelyard.images.xgboost.fitting import Fitting

    fitting = Fitting(layout=layout, folder=config.checkpoints, hp=hp, stop=stop, threads=threads)
    with explained(stop), hosts.joined(config.hosts, config.current_host) as cluster:
        tables = hosts.together(cluster, lambda: _read(channels, hp))
        _fit(fitting, tables, cluster)


def _fit(fitting: Fitting, tables: dict[str, Table], cluster: Cluster) -> None:
    from modelyard.images.xgboost import cross_validation, features

    width = features.agree(cluster, tables, fitting.hp)
    if fitting.hp.folds is None:
        fitting.fit(tables, width, cluster)
    else:
        cross_validation.run(fitting, tables, width, folds=fitting.hp.folds)


def _check_together(hp: Hyperparameters, channels: Mapping[str, Channel]) -> None:
    """Check what hyperparameters ask of channels."""
    if hp.tuned_channel is not None and hp.tuned_channel not in channels and hp.folds is None:
        raise ClientError(
            f"_tuning_objective_metric is of channel '{hp.tuned_channel}', which the job lacks"
        )
    if hp.csv_weights and channels[TRAIN].format != "csv":
        log.warning(f"csv_weights=1 has no effect: the input is {channels[TRAIN].format}")
    if hp.early_stopping_rounds is not None and VALIDATION not in channels and hp.folds is None:
        log.warning("early_stopping_rounds has no effect: there is no channel 'validation'")
    for note in hp.notes:
        log.warning(note)


def _threads(hp: Hyperparameters) -> int:
    given = hp.booster.get("nthread") or os.environ.get("SM_NUM_CPUS")
    return int(given) if given else len(os.sched_getaffinity(0))


def _limit_threads(threads: int) -> None:
    """Set what the libraries read when they are imported."""
    # Polars takes all processors of the machine by default.
    os.environ.setdefault("POLARS_MAX_THREADS", str(threads))
    # OpenMP's threads burn their processors while they wait for work by default. Beside any other
    # busy process, a second host of the job for one, training then takes many times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _read(channels: Mapping[str, Channel], hp: Hyperparameters) -> dict[str, Table]:
    from modelyard.images.training.readers import Reading
    from modelyard.images.xgboost.labels import rule_for

    rule = rule_for(hp.objective, num_class=hp.num_class, metrics=hp.metrics)
    reading = Reading(rule=rule, weighted=hp.csv_weights)
    tables = {name: inputs.read(channel, reading) for name, channel in channels.items()}
    for name, table in tables.items():
        shape = f"{table.height} rows" + (f" and {table.width} columns" if name == TRAIN else "")
        log.info(f"{name.capitalize()} matrix has {shape}")
    return tables
