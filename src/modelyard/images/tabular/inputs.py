"""The channels of the images for tables, and the rows in them.

Either `train` and perhaps `validation`, or one channel `training` with folders of these names.
`categorical_index.json`, beside the folders or in the channel `train`, names the columns that are
categories: `{"cat_index_list": [1, 5]}`, counted in the CSV, whose column 0 is the label.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from modelyard.images.training import log
from modelyard.images.training.channels import TRAIN, VALIDATION, Channel, Inputs, read
from modelyard.images.training.errors import ClientError

if TYPE_CHECKING:
    from modelyard.images.training.labels import Floats

TRAINING = "training"
CATEGORIES = "categorical_index.json"
INPUTS = Inputs(
    channels=(TRAIN, VALIDATION, TRAINING),
    required=(),
    content_types={"text/csv": "csv", "application/x-parquet": "parquet"},
    default="text/csv",
    notes=frozenset((CATEGORIES,)),
)
_HELD_OUT = 0.2  # of the training rows, where there is no validation channel


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Features, where NaN is missing, and labels."""

    features: Floats  # (rows, columns)
    labels: Floats  # (rows,)


@dataclass(frozen=True, kw_only=True)
class Data:
    """What a job learns from, and what it is judged by."""

    train: Rows
    validation: Rows
    categories: tuple[int, ...]  # features, counted from 0


def data_of(channels: Mapping[str, Channel], *, seed: int) -> Data:
    """Read the rows of a job.

    Args:
        seed: of the choice of rows to hold out, where there is no validation channel.

    Raises:
        ClientError: there are none, or something about them is wrong.
    """
    found = _folders(channels)
    train = _rows(found[TRAIN])
    categories = _categories(channels, train.features.shape[1])
    if VALIDATION in found:
        validation = _rows(found[VALIDATION])
        _check_alike(train, validation)
        return Data(train=train, validation=validation, categories=categories)
    log.info(f"no channel 'validation': {_HELD_OUT:.0%} of the training rows are held out")
    train, validation = _split(train, seed)
    return Data(train=train, validation=validation, categories=categories)


def _folders(channels: Mapping[str, Channel]) -> Mapping[str, Channel]:
    if TRAINING not in channels:
        if TRAIN not in channels:
            raise ClientError(f"there is no channel '{TRAIN}' (or '{TRAINING}'), which is required")
        return channels
    if len(channels) > 1:
        raise ClientError(f"channel '{TRAINING}' holds all the data: leave the other channels out")
    whole = channels[TRAINING]
    found = {
        name: replace(whole, name=f"{TRAINING}/{name}", folder=whole.folder / name)
        for name in (TRAIN, VALIDATION)
        if (whole.folder / name).is_dir()
    }
    if TRAIN not in found:
        raise ClientError(f"channel '{TRAINING}' must have a folder '{TRAIN}'")
    return found


def _rows(channel: Channel) -> Rows:
    from modelyard.images.training.labels import ANY_NUMBER
    from modelyard.images.training.readers import Reading
    from modelyard.images.training.tables import dense, joined, labels

    table = read(channel, Reading(rule=ANY_NUMBER))
    log.info(f"channel '{channel.name}': {table.height} rows of {table.width} features")
    targets = labels(table)
    return Rows(features=dense(joined(table, table.width)), labels=targets)


def _check_alike(train: Rows, validation: Rows) -> None:
    width, other = train.features.shape[1], validation.features.shape[1]
    if width != other:
        raise ClientError(
            f"channel '{VALIDATION}' has {other} features, where channel '{TRAIN}' has {width}: "
            f"both must have the same columns in the same order"
        )


def _split(rows: Rows, seed: int) -> tuple[Rows, Rows]:
    import numpy as np

    order = np.random.default_rng(seed).permutation(len(rows.labels))
    held = int(len(order) * _HELD_OUT)
    if not held:
        raise ClientError(f"{len(order)} rows are too few to hold some out: add '{VALIDATION}'")
    first, second = order[held:], order[:held]
    return (
        Rows(features=rows.features[first], labels=rows.labels[first]),
        Rows(features=rows.features[second], labels=rows.labels[second]),
    )


def _categories(channels: Mapping[str, Channel], width: int) -> tuple[int, ...]:
    channel = channels.get(TRAINING) or channels[TRAIN]
    path = channel.folder / CATEGORIES
    if not path.exists():
        return ()
    try:
        listed = json.loads(path.read_text())["cat_index_list"]
        wrong = [at for at in listed if type(at) is not int or not 1 <= at <= width]
    except (ValueError, KeyError, TypeError) as error:
        raise ClientError(
            f'{_where(path)} must be {{"cat_index_list": [1, 5]}}: {error}'
        ) from error
    if wrong:
        raise ClientError(
            f"{_where(path)}: {wrong[0]!r} is no column of the features, which are 1 to {width}"
        )
    return tuple(at - 1 for at in listed)


def _where(path: Path) -> str:
    return f"channel '{path.parent.name}', file '{path.name}'"
