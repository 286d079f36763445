"""What a monitor's job measured: the lines that it wrote below /opt/ml/output/metrics/cloudwatch.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-cloudwatch.html
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from modelyard.store import documents, measures
from modelyard.store.measures import Measured
from modelyard.store.resources import Resource, Store

#: Where a line belongs that names no namespace, as those of users' own containers do not.
_DEFAULT = "aws/sagemaker/Endpoints/data-metrics"
_MAX_CHARACTERS = 255


def keep(store: Store, job: Resource, text: str) -> None:
    """Write down what a job measured; lines that make no sense are left out.

    Raises:
        StoreError: the database cannot be written now.
    """
    found = list(_measured(text))
    if found:
        with store.write() as transaction:
            measures.record(transaction.connection, job.scope, job.arn, found)


def _measured(text: str) -> Iterator[Measured]:
    for line in text.splitlines():
        try:
            found = _read(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        texts = (found.namespace, found.name, *found.dimensions, *found.dimensions.values())
        numbers = (found.count, found.sum, found.minimum, found.maximum)
        if documents.storable(*texts) and all(map(math.isfinite, numbers)):
            yield found


def _read(entry: Mapping[str, Any]) -> Measured:
    statistics = entry.get("StatisticValues")
    if statistics is None:
        value = float(entry["Value"])
        statistics = {"SampleCount": 1.0, "Sum": value, "Minimum": value, "Maximum": value}
    at = datetime.fromisoformat(entry["Timestamp"])
    return Measured(
        namespace=_word(entry.get("Namespace", _DEFAULT)),
        name=_word(entry["MetricName"]),
        dimensions={_word(one["Name"]): _word(one["Value"]) for one in entry["Dimensions"]},
        at=at.replace(tzinfo=UTC) if at.tzinfo is None else at,
        count=float(statistics["SampleCount"]),
        sum=float(statistics["Sum"]),
        minimum=float(statistics["Minimum"]),
        maximum=float(statistics["Maximum"]),
        unit=_word(entry.get("Unit", "None")),
    )


def _word(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    if not 1 <= len(value) <= _MAX_CHARACTERS:
        raise ValueError(f"{value[:20]!r}… has not 1 to {_MAX_CHARACTERS} characters")
    return value
