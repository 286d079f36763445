"""What an execution found: each violation with what, where, how much, and since when.

The report's `constraint_violations.json` stays the truth; a row keeps the first of them for its
events and alerts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from modelyard.store.errors import StoreError
from modelyard.store.objects import Objects
from modelyard.store.resources import Json
from modelyard.store.s3_uris import S3Uri

#: How many a row keeps. A report has them all.
MAX_KEPT = 50

_FILE = "constraint_violations.json"
_MAX_BYTES = 16 * 2**20
_MAX_CHARACTERS = 300


def read(objects: Objects, report: S3Uri) -> list[Json]:
    """Return the entries of a report's violations; none where there is no such file."""
    try:
        content = json.loads(objects.get(report.child(_FILE), max_bytes=_MAX_BYTES))
    except (StoreError, ValueError):
        return []
    found = content.get("violations") if isinstance(content, Mapping) else None
    return [one for one in found or [] if isinstance(one, Mapping)]


def kept(entries: Sequence[Json], since: int, before: Sequence[Json]) -> list[dict[str, Any]]:
    """Return what a row keeps of violations.

    Args:
        since: when the execution's window begins, in microseconds.
        before: what the execution before it keeps: what was violated then goes on.
    """
    began = {(one["What"], one["Where"]): one["Since"] for one in before}
    found = []
    for entry in entries[:MAX_KEPT]:
        what, where = str(entry.get("constraint_check_type", "")), _where(entry)
        found.append(
            {
                "What": what,
                "Where": where,
                "HowMuch": str(entry.get("description", ""))[:_MAX_CHARACTERS],
                "Since": began.get((what, where), since),
            }
        )
    return found


def _where(entry: Json) -> str:
    """Return the column, metric, or facet and metric that a violation is about."""
    if "facet" in entry:
        return f"{entry['facet']}={entry.get('facet_value')}: {entry.get('metric_name')}"
    if "label" in entry:
        return f"{entry.get('metric_name')} of {entry['label']}"
    return str(entry.get("feature_name") or entry.get("metric_name") or "")
