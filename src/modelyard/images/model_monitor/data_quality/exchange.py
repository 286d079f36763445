"""A data set's profile as JSON: what hosts tell each other."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np

from modelyard.images.model_monitor.data_quality.distinct import Distinct
from modelyard.images.model_monitor.data_quality.profiles import (
    ColumnProfile,
    DatasetProfile,
    NumberProfile,
    TextProfile,
)
from modelyard.images.model_monitor.data_quality.sketch import Sketch


def packed(profile: DatasetProfile) -> bytes:
    """Return the profile as bytes."""
    columns = {name: _column(column) for name, column in profile.columns.items()}
    return json.dumps({"rows": profile.rows, "columns": columns}).encode()


def unpacked(content: bytes) -> DatasetProfile:
    """Return the profile of such bytes."""
    document = json.loads(content)
    profile = DatasetProfile()
    profile.rows = document["rows"]
    profile.columns = {name: _read_column(column) for name, column in document["columns"].items()}
    return profile


def _column(column: ColumnProfile) -> dict[str, Any]:
    numbers, texts = column.numbers, column.texts
    return {
        "cells": [column.missing, column.integral, column.fractional, column.text],
        "count": numbers.count,
        "moments": [numbers.mean, numbers.squares],
        "range": [numbers.low, numbers.high] if numbers.count else None,
        "sketch": base64.b64encode(numbers.sketch.to_bytes()).decode(),
        "counts": texts.counts,
        "hashes": base64.b64encode(texts.distinct.hashes.astype("<u8").tobytes()).decode(),
    }


def _read_column(document: dict[str, Any]) -> ColumnProfile:
    missing, integral, fractional, text = document["cells"]
    low, high = document["range"] or (math.inf, -math.inf)
    hashes = np.frombuffer(base64.b64decode(document["hashes"]), "<u8").astype(np.uint64)
    return ColumnProfile(
        missing=missing,
        integral=integral,
        fractional=fractional,
        text=text,
        numbers=NumberProfile(
            count=document["count"],
            mean=document["moments"][0],
            squares=document["moments"][1],
            low=low,
            high=high,
            sketch=Sketch.from_bytes(base64.b64decode(document["sketch"])),
        ),
        texts=TextProfile(counts=document["counts"], distinct=Distinct(hashes)),
    )
