"""Endpoints: what serves, by which weights, how fast, and a box to try it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import htpy as h

from modelyard.console.pages.job_lists import BUSY_SECONDS, is_busy, nothing
from modelyard.console.pieces.charts import number, shares
from modelyard.console.pieces.chips import chip
from modelyard.console.pieces.forms import choice, field, form, refused
from modelyard.console.pieces.links import copyable, url
from modelyard.console.pieces.logs import log_view
from modelyard.console.pieces.moments import ago, stamp
from modelyard.console.pieces.panels import (
    chosen_tab,
    code,
    empty,
    facts,
    json_block,
    note,
    panel,
    tabs,
    tiles,
)
from modelyard.console.pieces.tables import (
    PAGE_SIZE,
    Filter,
    filters,
    listed,
    options_of,
    pager,
    table,
)
from modelyard.console.routes import action, page
from modelyard.console.visits import Page, Visit
from modelyard.console.words import label_of
from modelyard.gateway.counters import BUCKET_SECONDS, Tally, total

_TABS = (("overview", "Overview"), ("captured", "Captured samples"), ("log", "Log"))
_STATUSES = ("InService", "Creating", "Updating", "Failed", "Deleting")
_TYPES = ("text/csv", "application/json", "application/jsonlines", "text/x-libsvm")
_MAX_SHOWN = 20_000  # characters of an answer
_SAMPLES = 20


def endpoints(visit: Visit) -> Page:
    """Return the list of endpoints."""
    query, path = visit.query, url("endpoints")
    answer = visit.desk.call(
        "sagemaker",
        "ListEndpoints",
        NameContains=query.get("name"),
        StatusEquals=query.get("status"),
        MaxResults=PAGE_SIZE,
        NextToken=query.get("page"),
        SortBy="CreationTime",
        SortOrder="Descending",
    )
    rows = listed(answer, "Endpoints")

    def calls(row: Mapping[str, Any]) -> str:
        return number(total(visit.desk.traffic(row["EndpointName"]).values()).invocations)

    return Page(
        title="Endpoints",
        intro="What answers predictions at this moment.",
        seconds=BUSY_SECONDS if any(is_busy(row["EndpointStatus"]) for row in rows) else 0,
        body=[
            filters(
                path,
                query,
                [
                    Filter(name="name", label="Name contains"),
                    Filter(
                        name="status",
                        label="Status",
                        options=options_of(*_STATUSES, label=label_of),
                    ),
                ],
            ),
            h.section(".panel.list-panel", id="list", data_live=True)[
                table(
                    "Endpoints",
                    [
                        (
                            "Name",
                            lambda row: h.a(href=url("endpoints", row["EndpointName"]))[
                                row["EndpointName"]
                            ],
                        ),
                        ("Status", lambda row: chip(row["EndpointStatus"])),
                        ("Requests", calls),
                        ("Created", lambda row: ago(row["CreationTime"], visit.now)),
                        ("Changed", lambda row: ago(row["LastModifiedTime"], visit.now)),
                    ],
                    rows,
                    numbers=("Requests",),
                )
                if rows
                else nothing("endpoint", bool(query.get("name") or query.get("status"))),
                pager(path, query, answer.get("NextToken")),
            ],
        ],
    )


def show(visit: Visit, answer: h.Node = None) -> Page:
    """Return an endpoint's page.

    Args:
        answer: what it answered to what was tried.
    """
    name = visit.name("name")
    endpoint = visit.desk.call("sagemaker", "DescribeEndpoint", EndpointName=name)
    tab = chosen_tab(visit.query, _TABS)
    if tab == "captured":
        body = _captured(visit, endpoint)
    elif tab == "log":
        view = log_view(visit.desk, f"/aws/sagemaker/Endpoints/{name}", "", id="lines")
        body = panel("Log", view, id="log")
    else:
        body = _overview(visit, endpoint, answer)
    return Page(
        title=name,
        intro=[
            chip(endpoint["EndpointStatus"]),
            h.span["changed ", ago(endpoint["LastModifiedTime"], visit.now)],
        ],
        crumbs=[("Endpoints", url("endpoints"))],
        seconds=15 if not is_busy(endpoint["EndpointStatus"]) else BUSY_SECONDS,
        body=[
            endpoint.get("FailureReason") and note(endpoint["FailureReason"], tone="bad"),
            tabs(url("endpoints", name), visit.query, _TABS),
            body,
        ],
    )


def _overview(visit: Visit, endpoint: dict[str, Any], answer: h.Node) -> h.Node:
    name, variants = endpoint["EndpointName"], listed(endpoint, "ProductionVariants")
    config = visit.desk.find(
        "sagemaker", "DescribeEndpointConfig", EndpointConfigName=endpoint["EndpointConfigName"]
    )
    models = {
        one["VariantName"]: one.get("ModelName", "–")
        for one in listed(config, "ProductionVariants")
    }
    traffic = visit.desk.traffic(name)
    capture = endpoint.get("DataCaptureConfig") or {}
    return [
        h.div(id="traffic", data_live=True)[_traffic_tiles(total(traffic.values()))],
        h.div(".panels")[
            panel(
                "Variants",
                shares(
                    [(one["VariantName"], float(one.get("CurrentWeight", 0))) for one in variants],
                    title="Share of the traffic",
                ),
                table(
                    "Variants",
                    [
                        ("Variant", lambda one: one["VariantName"]),
                        ("Model", lambda one: models.get(one["VariantName"], "–")),
                        ("Weight", lambda one: number(one.get("CurrentWeight", "–"))),
                        ("Instances", lambda one: number(one.get("CurrentInstanceCount", "–"))),
                        (
                            "Requests",
                            lambda one: number(
                                traffic.get(one["VariantName"], Tally()).invocations
                            ),
                        ),
                        (
                            "Typical",
                            lambda one: _milliseconds(
                                _quantile(traffic.get(one["VariantName"], Tally()), 0.5)
                            ),
                        ),
                    ],
                    variants,
                    numbers=("Weight", "Instances", "Requests", "Typical"),
                ),
                id="variants",
            ),
            panel("Try it", _box(visit, name), answer),
        ],
        panel(
            "How it is set up",
            facts(
                [
                    ("Configuration", endpoint["EndpointConfigName"]),
                    (
                        "Captures",
                        f"{capture['CurrentSamplingPercentage']} % of requests"
                        if capture.get("EnableCapture")
                        else "nothing",
                    ),
                    ("Created", ago(endpoint["CreationTime"], visit.now)),
                    ("ARN", copyable(endpoint["EndpointArn"])),
                ]
            ),
            h.details[
                h.summary["The configuration as JSON"],
                json_block(config or {}, label="The configuration as JSON"),
            ],
        ),
    ]


def _traffic_tiles(tally: Tally) -> h.Node:
    return tiles(
        [
            ("requests since the gateway started", number(tally.invocations), ""),
            ("client errors", number(tally.errors_4xx), ""),
            ("server errors", number(tally.errors_5xx), ""),
            ("half are answered within", _milliseconds(_quantile(tally, 0.5)), ""),
            ("99 % are answered within", _milliseconds(_quantile(tally, 0.99)), ""),
        ]
    )


def _quantile(tally: Tally, share: float) -> float | None:
    """Return an upper bound of that share of the model's latencies, in seconds."""
    wanted, sofar = share * tally.invocations, 0
    for bound, count in zip((*BUCKET_SECONDS, float("inf")), tally.model_buckets, strict=True):
        sofar += count
        if count and sofar >= wanted:
            return bound
    return None


def _milliseconds(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds == float("inf"):
        return f"over {BUCKET_SECONDS[-1]:g} s"
    return f"{seconds * 1000:g} ms"


def _box(visit: Visit, name: str) -> h.Node:
    verdict = visit.desk.may_invoke(name)
    if not verdict.allowed:
        return refused("Send a request", verdict)
    return form(
        visit,
        url("endpoints", name, "invoke"),
        choice(visit, "type", "Content type", [(one, one) for one in _TYPES]),
        field(
            visit,
            "payload",
            "Payload",
            lines=5,
            required=True,
            longest=200_000,
            hint="For a built-in model: one row per line, without the target.",
        ),
        h.div[h.button(".primary", type="submit")["Send"]],
        label="Send a request to this endpoint",
    )


def invoke(visit: Visit) -> Page:
    """Send what was typed to the endpoint, and show its page with the answer."""
    name = visit.name("name")
    media_type = visit.typed.get("type", "")
    if media_type not in _TYPES:
        media_type = _TYPES[0]
    payload = visit.typed.get("payload", "").encode()
    status, kind, body = visit.desk.invoke(name, payload, media_type)
    text = body.decode("utf-8", "replace")
    if "json" in kind:
        try:
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        except ValueError:
            text = str(text)
    shown = text[:_MAX_SHOWN] + ("\n…" if len(text) > _MAX_SHOWN else "")
    return show(
        visit,
        h.div("#answer")[
            h.h3["Answer"],
            h.p[
                chip("Succeeded" if status < 400 else "Failed", words=f"HTTP {status}"),
                f" {kind}, {len(body):,} bytes",
            ],
            code(shown, label="What the endpoint answered"),
        ],
    )


def _captured(visit: Visit, endpoint: dict[str, Any]) -> h.Node:
    capture = endpoint.get("DataCaptureConfig") or {}
    if not capture.get("EnableCapture"):
        return panel("Captured samples", empty("This endpoint captures nothing."))
    folder = f"{capture['DestinationS3Uri'].rstrip('/')}/{endpoint['EndpointName']}/"
    lines: list[dict[str, Any]] = []
    for uri in visit.desk.newest_objects(folder, 4):
        content = visit.desk.read(uri) or b""
        for text in reversed(content.decode("utf-8", "replace").splitlines()):
            try:
                lines.append(json.loads(text))
            except ValueError:
                continue
            if len(lines) == _SAMPLES:
                break
    return panel(
        f"The newest {_SAMPLES} samples",
        table(
            "Captured samples",
            [
                ("When", lambda one: stamp(one.get("eventMetadata", {}).get("inferenceTime"))),
                ("Sent", lambda one: h.code[_data(one, "endpointInput")]),
                ("Answered", lambda one: h.code[_data(one, "endpointOutput")]),
            ],
            lines[:_SAMPLES],
        )
        if lines[:_SAMPLES]
        else empty("Nothing was captured yet, or it is not for you to read."),
        h.p(".muted")[copyable(folder)],
        id="samples",
    )


def _data(sample: Mapping[str, Any], side: str) -> str:
    text = str(sample.get("captureData", {}).get(side, {}).get("data", "–"))
    return text if len(text) <= 200 else f"{text[:200]}…"


ROUTES = (
    page("endpoints", endpoints),
    page("endpoints/{name}", show),
    action("endpoints/{name}/invoke", show, invoke),
)
