"""Where things are: URLs of the console, and ARNs as links to their pages."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

import htpy as h

from modelyard.arns import Arn
from modelyard.console.pieces.icons import icon

ROOT = "/console"

#: (service, kind) -> the first part of its page's URL.
_PAGES = {
    ("sagemaker", "training-job"): "training-jobs",
    ("sagemaker", "processing-job"): "processing-jobs",
    ("sagemaker", "transform-job"): "transform-jobs",
    ("sagemaker", "hyper-parameter-tuning-job"): "tuning-jobs",
    ("sagemaker", "automl-job"): "autopilot-jobs",
    ("sagemaker", "model-package-group"): "models",
    ("sagemaker", "model-package"): "models",
    ("sagemaker", "endpoint"): "endpoints",
    ("sagemaker", "monitoring-schedule"): "monitors",
    ("sagemaker", "model-card"): "cards",
    ("codepipeline", ""): "deliveries",
}


def url(*parts: str | int, **query: str | int | None) -> str:
    """Return a URL of the console; parts and values may have any characters."""
    path = "/".join([ROOT, *(quote(str(part), safe="") for part in parts)])
    kept = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(kept)}" if kept else path


def with_query(path: str, query: Mapping[str, str], **changes: str | None) -> str:
    """Return a URL whose query is another one's with some changes; None takes one away."""
    merged = {**query, **changes}
    kept = {name: value for name, value in merged.items() if value}
    return f"{path}?{urlencode(kept)}" if kept else path


def page_of(arn: str) -> str | None:
    """Return the URL of the page of what an ARN names; None: it has none."""
    try:
        parsed = Arn.parse(arn)
    except ValueError:
        return None
    if parsed.service == "codepipeline":
        return url("deliveries", parsed.resource.partition("/")[0])
    page = _PAGES.get((parsed.service, parsed.kind))
    if page is None or not parsed.name or "*" in parsed.name:
        return None
    return url(page, *parsed.name.split("/"))


def arn_link(arn: str, account: str) -> h.Node:
    """Return an ARN's own name as a link to its page; one of another account is only text."""
    try:
        parsed = Arn.parse(arn)
    except ValueError:
        return h.span(".mono")[arn]
    words = parsed.resource if "*" in parsed.name else parsed.name or parsed.resource
    found = page_of(arn) if parsed.account == account else None
    if found is None:
        return h.span(".mono", title=arn)[words]
    return h.a(href=found, title=arn)[words]


def copyable(text: str) -> h.Node:
    """Return a text in monospace with a button that copies it."""
    return h.span(".copyable")[
        h.code[text],
        h.button(
            ".copy", type="button", data_copy=text, aria_label=f"Copy {text[:60]}", title="Copy"
        )[icon("copy")],
    ]
