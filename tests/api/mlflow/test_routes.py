"""What MLflow has, and what of it is offered: the rest is refused, by name and by method."""

from __future__ import annotations

import pytest

from modelyard.api.mlflow.routes import DELETE, READ, ROUTES, WRITE, route_of


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("GET", "/", READ),
        ("HEAD", "/", READ),
        ("GET", "/static-files/static/js/main.1234.js", READ),
        ("POST", "/api/2.0/mlflow/runs/search", READ),
        ("POST", "/ajax-api/2.0/mlflow/runs/search", READ),
        ("POST", "/api/2.0/mlflow/runs/log-batch", WRITE),
        ("POST", "/api/2.0/mlflow/runs/delete", DELETE),
        ("PUT", "/api/2.0/mlflow-artifacts/artifacts/1/r/artifacts/a.txt", WRITE),
        ("DELETE", "/api/2.0/mlflow-artifacts/artifacts/1/r/artifacts/a.txt", DELETE),
    ],
)
def test_a_route_asks_for_its_action(method: str, path: str, action: str) -> None:
    route = route_of(method, path)
    assert route is not None
    assert route.action == action


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/ajax-api/3.0/jobs/"),
        ("POST", "/ajax-api/3.0/mlflow/assistant/message"),
        ("POST", "/gateway/x/mlflow/invocations"),
        ("POST", "/api/3.0/mlflow/gateway/secrets/create"),
        ("POST", "/api/2.0/mlflow/webhooks"),
        ("POST", "/api/3.0/mlflow/scorers/register"),
        ("POST", "/ajax-api/3.0/mlflow/scorer/invoke"),
        ("POST", "/api/3.0/mlflow/prompt-optimization/jobs"),
        ("POST", "/api/3.0/mlflow/workspaces"),
        ("POST", "/api/2.0/mlflow/traces"),
        ("PATCH", "/api/2.0/mlflow/traces/1/tags"),
        ("POST", "/v1/traces"),
        ("POST", "/api/2.0/mlflow-artifacts/mpu/create/a"),
        ("GET", "/api/2.0/mlflow-artifacts/presigned/a"),
        ("GET", "/metrics"),
        ("GET", "/build/x"),
        ("OPTIONS", "/"),
        ("TRACE", "/"),
        ("PUT", "/api/2.0/mlflow/runs/create"),
        ("POST", "/api/2.0/mlflow/runs/create/"),
        ("POST", "/api/2.0/mlflow/runs/created"),
        ("POST", "/x/api/2.0/mlflow/runs/create"),
        ("POST", "/api/2.0/mlflow/RUNS/create"),
    ],
)
def test_what_is_not_in_the_list_is_not_offered(method: str, path: str) -> None:
    assert route_of(method, path) is None


def test_nothing_that_reads_changes_anything() -> None:
    changing = ("create", "update", "delete", "log-", "set-", "restore", "rename", "transition")
    for route in ROUTES:
        if route.action == READ:
            assert not any(word in route.pattern.pattern for word in changing), route
            assert route.method in ("GET", "POST")
