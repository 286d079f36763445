"""Finding model versions by every field that there is, the rare, the common and the absent value.

Whatever is asked of which field, the first page is to be there at once: so the fields are not
chosen here, but are those that the index has, and each is asked for all that can be asked of it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.filled import filled
from bench.registry import PAGE, VERSIONS, client_of, exports
from bench.report import Options, Report, Requirement
from bench.servers import _process, _ready, free_ports

ASKED = 5  # times each search
_ABSENT = "no-version-has-this"


@dataclass(frozen=True, kw_only=True)
class Field:
    """What the index holds of one field: texts, and numbers where they are ones."""

    path: str
    first: tuple[str, float | None]  # of the version that was registered first
    newest: tuple[str, float | None]
    middle: str  # of the version in the middle


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One search."""

    path: str
    what: str
    filters: list[dict[str, str]] = field(default_factory=list)
    order: Mapping[str, str] = field(default_factory=dict)

    def request(self) -> dict[str, Any]:
        expression = {"SearchExpression": {"Filters": self.filters}} if self.filters else {}
        return {"Resource": "ModelPackage", "MaxResults": PAGE, **expression, **self.order}


def run(_options: Options, *, versions: int = VERSIONS) -> Report:
    """Search for everything, and return what was found."""
    with tempfile.TemporaryDirectory(prefix="modelyard-bench-") as folder:
        taken = asyncio.run(_asked(Path(folder), versions))
    by_field: dict[str, dict[str, list[float]]] = {}
    for one, times in taken:
        by_field.setdefault(one.path, {})[one.what] = times
    rows, slowest = [], 0.0
    for path, searches in sorted(by_field.items()):
        medians = {what: statistics.median(times) for what, times in searches.items()}
        what = max(medians, key=lambda each: medians[each])
        slowest = max(slowest, medians[what])
        longest = max(time for times in searches.values() for time in times)
        median = statistics.median(medians.values())
        rows.append([path, f"{median:.1f}", f"{medians[what]:.1f}", what, f"{longest:.1f}"])
    return Report(
        title="Searching the model registry by every field",
        method=(
            f"Milliseconds of boto3's `search` for the first page of {PAGE} among {versions:,} "
            f"versions on SQLite, HTTP included; each of {len(taken)} searches {ASKED} times. Per "
            "field: the median of its searches, the median of its slowest and which that is, and "
            "the longest of all."
        ),
        columns=["field", "median", "slowest", "which is", "longest"],
        rows=rows,
        requirements=[
            Requirement(text="median of the slowest search, ms", found=slowest, at_most=50)
        ],
    )


async def _asked(folder: Path, versions: int) -> list[tuple[Asked, list[float]]]:
    home = folder / "home"
    home.mkdir(mode=0o700)
    await asyncio.to_thread(filled, home / "modelyard.db", versions)
    searches = [each for one in fields_in(home / "modelyard.db") for each in searches_of(one)]
    port, gateway_port = free_ports(2)
    command = [sys.executable, "-m", "modelyard", "up", "--home", str(home), "--port", str(port)]
    command += ["--gateway-port", str(gateway_port)]
    async with _process(command, folder / "modelyard.log"):
        await _ready(f"http://127.0.0.1:{port}/healthz", folder / "modelyard.log")
        client = client_of("sagemaker", exports(home))
        return await asyncio.to_thread(
            lambda: [(each, _milliseconds(client, each)) for each in searches]
        )


def _milliseconds(client: Any, asked: Asked) -> list[float]:
    taken = []
    for _ in range(ASKED):
        started = time.perf_counter()
        client.search(**asked.request())
        taken.append((time.perf_counter() - started) * 1000)
    return taken


def fields_in(file: Path) -> list[Field]:
    """Return every field of model versions that a database's index has."""
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    paths = connection.execute(
        "SELECT id, path FROM search_paths WHERE kind = 'model-package' AND path != ''"
    ).fetchall()
    found = []
    for path_id, path in paths:
        rows = connection.execute(
            "SELECT text, number FROM search_values WHERE path_id = ? ORDER BY resource_id",
            (path_id,),
        ).fetchall()
        middle = rows[len(rows) // 2][0]
        found.append(Field(path=path, first=rows[0], newest=rows[-1], middle=middle))
    connection.close()
    return found


def searches_of(one: Field) -> Iterator[Asked]:
    """Yield all that can be asked of a field."""
    (first, number), (newest, _), path = one.first, one.newest, one.path
    for what, operator, value in (
        ("equals the first's", "Equals", first),
        ("equals the newest's", "Equals", newest),
        ("equals what none has", "Equals", _ABSENT),
        ("is not the first's", "NotEquals", first),
        ("is one of two", "In", f"{first},{newest}"),
        ("contains a part of the first's", "Contains", first[len(first) // 3 :]),
        ("contains what none has", "Contains", _ABSENT),
        ("is above the middle", "GreaterThan", one.middle),
        ("is below the middle", "LessThan", one.middle),
        ("is at least what none is", "GreaterThanOrEqualTo", "9e14" if number else "~"),
        ("is at most what none is", "LessThanOrEqualTo", "-9e14" if number else " "),
    ):
        filters = [{"Name": path, "Operator": operator, "Value": value}]
        yield Asked(path=path, what=what, filters=filters)
        if operator in ("GreaterThan", "NotEquals"):
            order = {"SortBy": path, "SortOrder": "Ascending"}
            yield Asked(path=path, what=f"{what}, sorted by it", filters=filters, order=order)
    for operator in ("Exists", "NotExists"):
        filters = [{"Name": path, "Operator": operator}]
        yield Asked(path=path, what=operator, filters=filters)
    for direction in ("Ascending", "Descending"):
        order = {"SortBy": path, "SortOrder": direction}
        yield Asked(path=path, what=f"sorted by, {direction.lower()}", order=order)
    bounds = [
        {"Name": path, "Operator": "GreaterThanOrEqualTo", "Value": one.middle},
        {"Name": path, "Operator": "LessThanOrEqualTo", "Value": one.middle},
    ]
    yield Asked(path=path, what="is between the middle and the middle", filters=bounds)
    with_status = {"Name": "ModelApprovalStatus", "Operator": "Equals", "Value": "Rejected"}
    filters = [{"Name": path, "Operator": "Equals", "Value": first}, with_status]
    yield Asked(path=path, what="equals the first's, which is Approved", filters=filters)
