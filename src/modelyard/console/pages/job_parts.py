"""What the pages of single jobs share: their frame, inputs, how to stop one, what it costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import htpy as h

from modelyard.compute.instance_types import instance_type
from modelyard.console.pages.job_lists import BUSY_SECONDS, JobList, end_of, is_busy
from modelyard.console.pieces.charts import Line, line_chart
from modelyard.console.pieces.chips import chip
from modelyard.console.pieces.forms import act
from modelyard.console.pieces.links import copyable, url
from modelyard.console.pieces.moments import ago, moment_of, took
from modelyard.console.pieces.panels import chosen_tab, note, tabs
from modelyard.console.pieces.tables import listed, table
from modelyard.console.visits import Done, Page, Visit
from modelyard.console.words import SMALLER_IS_BETTER

Job = dict[str, Any]
Part = Callable[[Visit, Job], h.Node]


def job_page(
    kind: JobList,
    visit: Visit,
    named: Sequence[tuple[str, str]],
    parts: Mapping[str, Part],
    *,
    beside: Callable[[Job], h.Node] = lambda _job: None,
) -> Page:
    """Return the page of the job that a visit names, with the tab that it asks for.

    Args:
        named: (key, words) of the tabs.
        parts: what each tab shows.
        beside: what else the line below the name says.
    """
    name = visit.name("name")
    job = visit.desk.call("sagemaker", f"Describe{kind.prefix}", **{f"{kind.prefix}Name": name})
    return Page(
        title=name,
        intro=[heading(job, kind, visit), beside(job)],
        crumbs=[(kind.title, url(kind.page))],
        actions=stop_button(kind, job, visit),
        seconds=BUSY_SECONDS if is_busy(job[f"{kind.prefix}Status"]) else 0,
        body=[
            failure(job),
            tabs(url(kind.page, name), visit.query, named),
            parts[chosen_tab(visit.query, named)](visit, job),
        ],
    )


def heading(job: Mapping[str, Any], kind: JobList, visit: Visit) -> h.Node:
    """Return the line below a job's name."""
    status = job[f"{kind.prefix}Status"]
    begun, ended = job.get("CreationTime"), end_of(kind, job)
    return [
        chip(status),
        job.get("SecondaryStatus") not in (None, status) and h.span[job["SecondaryStatus"]],
        h.span["created ", ago(begun, visit.now)],
        h.span[f"took {took(begun, ended, visit.now)}" if ended else took(begun, None, visit.now)],
    ]


def failure(job: Mapping[str, Any]) -> h.Node:
    """Return why a job failed, if it did."""
    reason = job.get("FailureReason")
    return note(reason, tone="bad") if reason else None


def stop_button(kind: JobList, job: Mapping[str, Any], visit: Visit) -> h.Node:
    """Return the button that stops a job, as long as there is something to stop."""
    name, status = f"{kind.prefix}Name", job[f"{kind.prefix}Status"]
    if status != "InProgress":
        return None
    verdict = visit.desk.verdict("sagemaker", f"Stop{kind.prefix}", **{name: job[name]})
    return act(
        visit,
        url(kind.page, job[name], "stop"),
        "Stop",
        verdict,
        tone="danger",
        confirm=f"Stop {job[name]}?",
    )


def stop(kind: JobList) -> Callable[[Visit], Done]:
    """Return what stops a job of a kind."""

    def stopping(visit: Visit) -> Done:
        name = visit.name("name")
        visit.desk.call("sagemaker", f"Stop{kind.prefix}", **{f"{kind.prefix}Name": name})
        return Done(url=url(kind.page, name), notice="stopping")

    return stopping


def channels(entries: Sequence[Mapping[str, Any]]) -> h.Node:
    """Return the input channels of a job."""
    if not entries:
        return h.p(".muted")["None."]
    return table(
        "Input channels",
        [
            ("Channel", lambda one: one.get("ChannelName", "")),
            ("Where from", lambda one: copyable(_source(one))),
            ("Type", lambda one: one.get("ContentType", "–")),
        ],
        entries,
    )


def _source(channel: Mapping[str, Any]) -> str:
    source = channel.get("DataSource", {})
    place = source.get("S3DataSource", {}).get("S3Uri") or source.get(
        "FileSystemDataSource", {}
    ).get("DirectoryPath")
    return str(place or "–")


def cost(config: Mapping[str, Any], seconds: float | None) -> h.Node:
    """Return what a job would have cost on such instances at AWS, in US dollars."""
    try:
        price = instance_type(config["InstanceType"]).usd_per_hour
    except (KeyError, ValueError):
        return None
    if seconds is None or price is None:
        return None
    dollars = price * seconds / 3600 * int(config.get("InstanceCount", 1))
    words = f"${dollars:,.2f}" if dollars >= 0.01 else "below $0.01"
    return h.span(title="on-demand, at AWS")[words]


def seconds_between(begin: Any, end: Any, now: datetime) -> float | None:
    """Return how long something took; up to now where it has not ended."""
    first = moment_of(begin)
    return None if first is None else ((moment_of(end) or now) - first).total_seconds()


def curves(visit: Visit, arn: str) -> h.Node:
    """Return the curves of a job's metrics: those that are measured alike, in one chart."""
    answer = visit.desk.ask("modelyard", "DescribeJobMetrics", JobArn=arn)
    if answer is None:
        return h.p(".muted")["You may not look at the metrics of jobs."]
    metrics = listed(answer, "Metrics")
    if not metrics:
        return h.p(".muted")["No metrics yet: they are read from the job's log as it runs."]
    groups: dict[str, list[Line]] = {}
    for metric in metrics:
        points = [(point["Step"], point["Value"]) for point in metric["Points"]]
        measure = metric["Name"].rpartition(":")[2]
        groups.setdefault(measure, []).append(Line(name=metric["Name"], points=points))
    return h.div(".panels")[
        [
            h.div[h.h3[measure], line_chart(lines, title=measure, x_name="step")]
            for measure, lines in groups.items()
        ]
    ]


def smaller_is_better(metric: str) -> bool:
    """Return whether a metric measures what is to be small."""
    plain = metric.lower().replace("_", "-")
    return any(word in plain for word in SMALLER_IS_BETTER)


def instances(config: Mapping[str, Any]) -> str:
    """Return `1 × ml.m5.large`."""
    return f"{config.get('InstanceCount', 1)} × {config.get('InstanceType', '–')}"
