"""MLflow's side of the registry bench, run in MLflow's own environment; prints medians as JSON.

Arguments: the server's URL, its SQLite file, versions to search among, registrations, searches, and
the page's size. The versions to search among are put into the table directly: through the client
they would take a quarter of an hour.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable

from mlflow.tracking import MlflowClient

GROUPS = 50


def main() -> None:
    url, database = sys.argv[1:3]
    versions, registrations, searches, page = map(int, sys.argv[3:])
    client = MlflowClient(url)
    client.create_registered_model("bench")
    for number in range(GROUPS):
        client.create_registered_model(f"group-{number}")

    def register(_number: int) -> object:
        return client.create_model_version(
            "bench",
            source="s3://models/bench",
            description="made by a run",
            tags={"run_id": "run-0", "auc": "0.97", "owner": "user-1"},
            await_creation_for=None,  # type: ignore[arg-type]  # its way to say: do not wait
        )

    register(0)
    fill(database, versions)
    measured = {"register": median(register, registrations)}
    for name, text in (
        ("group", "name = 'group-7'"),
        ("run", "run_id = 'run-777'"),
    ):

        def search(_number: int, text: str = text) -> object:
            return client.search_model_versions(text, max_results=page)

        measured[name] = median(search, searches)
    print(json.dumps(measured))


def fill(database: str, versions: int) -> None:
    now = int(time.time() * 1000)
    rows = [
        (f"group-{n % GROUPS}", n // GROUPS + 1, now + n, now + n, "s3://m", f"run-{n}", "READY")
        for n in range(versions)
    ]
    connection = sqlite3.connect(database, timeout=60)
    with connection:
        connection.executemany(
            "INSERT INTO model_versions (name, version, creation_time, last_updated_time, source,"
            " run_id, status, current_stage) VALUES (?, ?, ?, ?, ?, ?, ?, 'None')",
            rows,
        )
    connection.close()


def median(call: Callable[[int], object], times: int) -> float:
    taken = []
    for number in range(times):
        started = time.perf_counter()
        call(number)
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
