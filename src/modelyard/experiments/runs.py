"""The run of a job in MLflow: found or made, told of, ended. All of it may be done again.

MLflow keeps of a metric what it is sent, twice where it is sent twice at another time. So what is
sent is what lies behind the last step that MLflow knows of, which is asked of MLflow itself: no
crash of either server can make the two disagree.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from modelyard.experiments.errors import TrackingRefused
from modelyard.experiments.facts import Facts, facts_of, identity_of_run
from modelyard.experiments.server import MlflowServer
from modelyard.jobs.metric_series import Series
from modelyard.store.resources import Resource

_MAX_METRICS = 1000  # per call, as MLflow takes them
_MAX_PARAMETERS = 100
_MAX_KEY = 250
_API = "/api/2.0/mlflow"
#: So that MLflow's pages show runs and their metrics, and not traces.
_KIND = {"mlflow.experimentKind": "custom_model_development"}
_PARENT = "mlflow.parentRunId"
_NO_NAME = re.compile(r"[^\w.\- :/]")
_Item = TypeVar("_Item")


class JobRuns:
    """The runs of one account's jobs.

    Raises:
        TrackingUnavailable: the server does not answer; from every method.
        TrackingRefused: it refuses; from every method.
    """

    def __init__(self, server: MlflowServer) -> None:
        self._server = server

    async def find(self, job: Resource) -> str | None:
        """Return the id of a job's run, or None if it has none."""
        experiment = await self._experiment(facts_of(job).experiment)
        return None if experiment is None else await self._find(job, experiment)

    async def ensure(self, job: Resource, *, parent: str | None = None) -> str:
        """Return the id of a job's run, made if it has none, with what is known of the job.

        Args:
            parent: the run that this one is shown below.
        """
        facts = facts_of(job)
        experiment = await self._experiment(facts.experiment)
        if experiment is None:
            experiment = await self._make_experiment(facts.experiment)
        run = await self._find(job, experiment) or await self._make(facts, experiment, parent)
        await self._parameters(run, facts)  # also of one that was there: its maker may have ended
        if facts.datasets:
            datasets = [dataset.to_json() for dataset in facts.datasets]
            await self._call("POST", "/runs/log-inputs", {"run_id": run, "datasets": datasets})
        return run

    async def log(self, run: str, series: Series) -> int:
        """Send what of a job's metrics MLflow does not have; return how many points that were."""
        if not series:
            return 0
        answer = await self._call("GET", f"/runs/get?run_id={run}")
        known = {
            metric["key"]: int(metric.get("step", 0))
            for metric in answer["run"]["data"].get("metrics", ())
        }
        points = list(_new(series, known))
        for batch in _batches(points, _MAX_METRICS):
            await self._call("POST", "/runs/log-batch", {"run_id": run, "metrics": list(batch)})
        return len(points)

    async def end(self, run: str, job: Resource) -> None:
        """Say how a job ended."""
        facts = facts_of(job)
        await self._parameters(run, facts)  # an end may bring some
        results = [
            {"key": _key(name), "value": value, "timestamp": facts.end, "step": 0}
            for name, value in facts.results.items()
        ]
        if results:
            await self._call("POST", "/runs/log-batch", {"run_id": run, "metrics": results})
        tags = _pairs(facts.tags)
        for batch in _batches(tags, _MAX_PARAMETERS):
            await self._call("POST", "/runs/log-batch", {"run_id": run, "tags": list(batch)})
        update = {"run_id": run, "status": facts.status, "end_time": facts.end}
        await self._call("POST", "/runs/update", update)

    async def _parameters(self, run: str, facts: Facts) -> None:
        for batch in _batches(_pairs(facts.parameters), _MAX_PARAMETERS):
            parameters = [{**pair, "key": _key(pair["key"])} for pair in batch]
            await self._call("POST", "/runs/log-batch", {"run_id": run, "params": parameters})

    async def _experiment(self, name: str) -> str | None:
        """Return the id of an experiment; one that was deleted is restored, as jobs go on in it."""
        try:
            answer = await self._call(
                "GET", f"/experiments/get-by-name?{urlencode({'experiment_name': name})}"
            )
        except TrackingRefused as error:
            if error.status == 404:
                return None
            raise
        found = answer["experiment"]
        identity = str(found["experiment_id"])
        if found.get("lifecycle_stage") == "deleted":
            await self._call("POST", "/experiments/restore", {"experiment_id": identity})
        return identity

    async def _make_experiment(self, name: str) -> str:
        try:
            wanted = {"name": name, "tags": _pairs(_KIND)}
            answer = await self._call("POST", "/experiments/create", wanted)
        except TrackingRefused:
            found = await self._experiment(name)  # another job was quicker
            if found is None:
                raise
            return found
        return str(answer["experiment_id"])

    async def _find(self, job: Resource, experiment: str) -> str | None:
        wanted = identity_of_run(job)
        tests = " and ".join(f"tags.`{name}` = '{value}'" for name, value in wanted.items())
        search = {"experiment_ids": [experiment], "filter": tests, "max_results": 1}
        answer = await self._call("POST", "/runs/search", search)
        runs = answer.get("runs", [])
        return str(runs[0]["info"]["run_id"]) if runs else None

    async def _make(self, facts: Facts, experiment: str, parent: str | None) -> str:
        tags = facts.tags if parent is None else {**facts.tags, _PARENT: parent}
        created = await self._call(
            "POST",
            "/runs/create",
            {
                "experiment_id": experiment,
                "run_name": facts.run_name,
                "start_time": facts.start,
                "tags": _pairs(tags),
            },
        )
        return str(created["run"]["info"]["run_id"])

    async def _call(
        self, method: str, path: str, content: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        body = None if content is None else json.dumps(content).encode()
        headers = {} if body is None else {"content-type": "application/json"}
        async with self._server.request(method, _API + path, headers=headers, body=body) as answer:
            text = await answer.read()
            status = answer.status
        if status != 200:
            raise TrackingRefused(status, text.decode(errors="replace")[:500])
        found = json.loads(text)
        return dict(found)


def _new(series: Series, known: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    for name, points in series.items():
        for point in points:
            if point.step > known.get(_key(name), -1):
                yield {
                    "key": _key(name),
                    "value": point.value,
                    "timestamp": point.at // 1000,
                    "step": point.step,
                }


def _key(name: str) -> str:
    """Return a name as MLflow takes it for a metric or a parameter, where it also names a file."""
    key = _NO_NAME.sub("_", name)[:_MAX_KEY]
    return (
        key if posixpath.normpath(key) == key and key[0] not in "/." else re.sub("[/.]", "_", key)
    )


def _batches(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _pairs(values: Mapping[str, str]) -> Sequence[dict[str, str]]:
    return [{"key": name, "value": value} for name, value in values.items()]
