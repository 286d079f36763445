"""Which of MLflow's routes are offered, and what each asks of the policies.

An allow list: what is not in it is refused, also what a later release of MLflow adds. Left out on
purpose is what runs code or calls out (jobs, gateway, scorers, prompts, webhooks, assistant), what
lets a client say where the server reads from (traces are only read; multipart and presigned
uploads), and workspaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

READ, WRITE, DELETE = "mlflow:Read", "mlflow:Write", "mlflow:Delete"
ACTIONS = (READ, WRITE, DELETE)

_API = r"/(?:ajax-)?api/[23]\.0"
_ID = r"[A-Za-z0-9_-]{1,128}"
_KEY = r"[^/]{1,250}"

#: (method, path, action) of the API, below `_API`.
_API_ROUTES: tuple[tuple[str, str, str], ...] = (
    ("GET", r"/mlflow/experiments/(?:get|get-by-name|search)", READ),
    ("POST", r"/mlflow/experiments/(?:search|search-datasets)", READ),
    (
        "POST",
        r"/mlflow/experiments/(?:create|update|restore|set-experiment-tag|delete-experiment-tag)",
        WRITE,
    ),
    ("POST", r"/mlflow/experiments/delete", DELETE),
    ("GET", r"/mlflow/runs/get", READ),
    ("POST", r"/mlflow/runs/search", READ),
    (
        "POST",
        r"/mlflow/runs/(?:create|update|restore|log-metric|log-parameter|log-batch|log-model"
        r"|log-inputs|outputs|set-tag|delete-tag)",
        WRITE,
    ),
    ("POST", r"/mlflow/runs/delete", DELETE),
    ("GET", r"/mlflow/metrics/(?:get-history|get-history-bulk|get-history-bulk-interval)", READ),
    ("GET", r"/mlflow/artifacts/list", READ),
    ("GET", r"/mlflow/registered-models/(?:get|search|alias|get-latest-versions)", READ),
    ("POST", r"/mlflow/registered-models/get-latest-versions", READ),
    ("POST", r"/mlflow/registered-models/(?:create|rename|set-tag|alias)", WRITE),
    ("PATCH", r"/mlflow/registered-models/update", WRITE),
    ("DELETE", r"/mlflow/registered-models/(?:delete-tag|alias)", WRITE),
    ("DELETE", r"/mlflow/registered-models/delete", DELETE),
    ("GET", r"/mlflow/model-versions/(?:get|get-download-uri|search)", READ),
    ("POST", r"/mlflow/model-versions/(?:create|set-tag|transition-stage)", WRITE),
    ("PATCH", r"/mlflow/model-versions/update", WRITE),
    ("DELETE", r"/mlflow/model-versions/delete-tag", WRITE),
    ("DELETE", r"/mlflow/model-versions/delete", DELETE),
    ("POST", r"/mlflow/logged-models/search", READ),
    ("GET", rf"/mlflow/logged-models/{_ID}(?:/artifacts/(?:directories|files))?", READ),
    ("POST", rf"/mlflow/logged-models(?:/{_ID}/params)?", WRITE),
    ("PATCH", rf"/mlflow/logged-models/{_ID}(?:/tags)?", WRITE),
    ("DELETE", rf"/mlflow/logged-models/{_ID}/tags/{_KEY}", WRITE),
    ("DELETE", rf"/mlflow/logged-models/{_ID}", DELETE),
    # There are none, and the pages ask.
    ("GET", r"/mlflow/(?:traces|ui-telemetry)", READ),
    ("POST", r"/mlflow/traces/(?:search|metrics)", READ),
    ("GET", r"/mlflow/server-info", READ),
    ("GET", r"/mlflow-artifacts/artifacts(?:/.+)?", READ),
    ("PUT", r"/mlflow-artifacts/artifacts/.+", WRITE),
    ("DELETE", r"/mlflow-artifacts/artifacts/.+", DELETE),
)
#: The pages, and what they are made of.
_PAGES: tuple[tuple[str, str, str], ...] = (
    ("GET", r"/", READ),
    ("GET", r"/(?:health|version)", READ),
    ("GET", r"/static-files/.+", READ),
    ("GET", r"/(?:model-versions/)?get-artifact", READ),
    ("POST", r"/graphql", READ),
)


@dataclass(frozen=True, kw_only=True)
class Route:
    """One line of the list."""

    method: str
    pattern: re.Pattern[str]  # of the whole path, decoded, without `/mlflow`
    action: str

    @property
    def is_page(self) -> bool:
        """Whether it is a part of the pages, and tells nothing of what is in MLflow."""
        return self.pattern.pattern in {r"/", r"/static-files/.+", r"/(?:health|version)"}

    @property
    def is_file(self) -> bool:
        """Whether its body, or its answer's, is an artifact."""
        pattern = self.pattern.pattern
        return "mlflow-artifacts" in pattern or "get-artifact" in pattern or "files)" in pattern


def _routes() -> Iterator[Route]:
    for method, path, action in _API_ROUTES:
        yield Route(method=method, pattern=re.compile(_API + path), action=action)
    for method, path, action in _PAGES:
        yield Route(method=method, pattern=re.compile(path), action=action)


ROUTES = tuple(_routes())


def route_of(method: str, path: str) -> Route | None:
    """Return the route of a request, or None where that is not offered.

    Args:
        path: decoded, without `/mlflow`.
    """
    asked = "GET" if method == "HEAD" else method
    return next(
        (route for route in ROUTES if route.method == asked and route.pattern.fullmatch(path)),
        None,
    )
