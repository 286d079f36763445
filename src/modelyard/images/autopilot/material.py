"""From the channels of a job to what candidates learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from modelyard.images.autopilot import archive, tables
from modelyard.images.autopilot.columns import Column, describe
from modelyard.images.autopilot.features import Floats, Plan, plan_of
from modelyard.images.autopilot.hyperparameters import Hyperparameters
from modelyard.images.autopilot.learners import Rows
from modelyard.images.autopilot.problem_types import REGRESSION
from modelyard.images.autopilot.specification import Specification
from modelyard.images.autopilot.splitting import given_split, split_of
from modelyard.images.autopilot.target import Target, target_of
from modelyard.images.autopilot.trying import Material
from modelyard.images.training import log
from modelyard.images.training.channels import TRAIN, VALIDATION, Channel
from modelyard.images.training.errors import ClientError

_FEWEST_ROWS = 10


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """What was found out about the data."""

    table: pl.DataFrame  # rows whose target is known; those of a validation channel come last
    learnt: int  # rows of the channel to learn from
    without_target: int  # rows that were left out
    target: Target
    columns: Sequence[Column]  # all but the target


def analysed(channels: Mapping[str, Channel], hp: Hyperparameters, said: Specification) -> Analysis:
    """Read the data and look at each column.

    Raises:
        ClientError: nothing can be learnt from them; the message says why.
    """
    train = tables.read(channels[TRAIN])
    _check_columns(train, hp, said)
    parts = [train]
    if VALIDATION in channels:
        validation = tables.read(channels[VALIDATION])
        if validation.columns != train.columns:
            raise ClientError(
                f"channel '{VALIDATION}' has other columns than channel '{TRAIN}': both must have "
                "the same header"
            )
        parts.append(validation)
    target = target_of(train[hp.target], hp.problem_type)
    known = [part.filter(np.isfinite(target.encode(part[hp.target]))) for part in parts]
    _check_rows(known[0].height, hp.target)
    left_out = sum(part.height for part in parts) - sum(part.height for part in known)
    if left_out:
        log.warning(f"{left_out} rows are left out: their target is missing, or no value of it")
    not_learnt = {hp.target, hp.sample_weight, *said.left_out(train.columns)}
    columns = [
        describe(known[0][name], told=said.kinds.get(name))
        for name in train.columns
        if name not in not_learnt
    ]
    if all(column.kind == "dropped" for column in columns):
        reasons = "; ".join(f"{column.name!r}: {column.why}" for column in columns[:10])
        raise ClientError(f"no column can be learnt from. {reasons or 'There is only the target'}")
    return Analysis(
        table=pl.concat(known),
        learnt=known[0].height,
        without_target=left_out,
        target=target,
        columns=columns,
    )


def material_of(found: Analysis, hp: Hyperparameters, *, plan: Plan | None = None) -> Material:
    """Make the features, and decide by which rows candidates are judged.

    Args:
        plan: of the features; None: what the analysis suggests.
    """
    target, table = found.target, found.table
    plan = plan or plan_of(
        table.head(found.learnt),
        found.columns,
        left_out=[target.name, *([hp.sample_weight] if hp.sample_weight else [])],
    )
    truth = target.encode(table[target.name])
    if found.learnt < table.height:
        split = given_split(found.learnt, table.height - found.learnt)
    else:
        split = split_of(
            truth,
            classes=target.problem_type != REGRESSION,
            fraction=hp.validation_fraction,
            seed=hp.seed,
        )
    rows = Rows(features=plan.matrix(table), truth=truth, weights=_weights(table, hp.sample_weight))
    return Material(
        target=target,
        plan=plan,
        problem=archive.problem_of(target, plan, seed=hp.seed),
        rows=rows,
        split=split,
    )


def _check_columns(table: pl.DataFrame, hp: Hyperparameters, said: Specification) -> None:
    named = {"target": hp.target, "sample weight": hp.sample_weight}
    problems = [
        f"there is no column {name!r}, which is to be the {role}"
        for role, name in named.items()
        if name is not None and name not in table.columns
    ]
    problems += [
        f"the feature specification names a column {name!r}, which is not there"
        for name in said.names
        if name not in table.columns
    ]
    if problems:
        raise ClientError(f"{'; '.join(problems)}: the columns are {', '.join(table.columns)}")


def _check_rows(rows: int, target: str) -> None:
    if rows < _FEWEST_ROWS:
        raise ClientError(
            f"{rows} rows have a value of the target {target!r}: at least {_FEWEST_ROWS} are needed"
        )


def _weights(table: pl.DataFrame, name: str | None) -> Floats | None:
    if name is None:
        return None
    weights = table[name].cast(pl.Float64, strict=False)
    wrong = weights.is_null() | ~weights.is_finite() | (weights < 0)
    if wrong.any():
        bad = table[name].filter(wrong)[0]
        raise ClientError(
            f"the sample weight {name!r} has a value {bad!r}: it must be a number >= 0"
        )
    if not weights.sum():
        raise ClientError(f"the sample weight {name!r} is 0 in every row: no row counts")
    found: Floats = weights.to_numpy().astype(np.float64)
    return found
