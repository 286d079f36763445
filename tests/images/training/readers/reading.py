"""Reading one file, for the readers' tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from modelyard.images.training.content_types import Format
from modelyard.images.training.readers import Reading, Rows, Source, Sparse, read
from modelyard.images.training.tables import compressed
from modelyard.images.xgboost.labels import rule_for


def read_all(
    folder: Path,
    format: Format,
    content: bytes,
    *,
    objective: str = "reg:squarederror",
    num_class: int = 1,
    weighted: bool = False,
) -> list[Rows]:
    """Read a file of `content`, which is named part-0 in channel 'train'."""
    path = folder / "part-0"
    path.write_bytes(content)
    source = Source(channel="train", name="part-0", path=path)
    rule = rule_for(objective, num_class=num_class, metrics=())
    return list(read(format, source, Reading(rule=rule, weighted=weighted)))


def dense(rows: Rows) -> list[list[float | None]]:
    """Return the features as lists, None where a value is missing."""
    features = rows.features
    if isinstance(features, Sparse):
        present = compressed(features, features.width).tocoo()
        table = np.full((len(rows.labels), features.width), np.nan)
        table[present.row, present.col] = present.data
        features = table
    return [[None if np.isnan(value) else float(value) for value in row] for row in features]
