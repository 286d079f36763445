"""Telling requests apart: one port serves every service.

In this order: a JSON protocol's target, the service that the signature is scoped to, MLflow's and
git's paths, a form with an `Action`, an invocation's path. What is none of these is plain HTTP.
"""

from __future__ import annotations

import re
from enum import StrEnum
from urllib.parse import unquote

from starlette.types import Scope

from modelyard.api.authenticated import head_of
from modelyard.identity.authentication import RequestHead


class Door(StrEnum):
    """Where a request belongs."""

    HEALTH = "health"
    JSON = "json"
    QUERY = "query"
    RUNTIME = "runtime"
    S3 = "s3"
    MLFLOW = "mlflow"
    GIT = "git"
    PLAIN = "plain"


_SCOPE = re.compile(r"Credential=[^&,]*/[0-9]{8}/[^/&,]*/([^/&,]+)/aws4_request")
_QUERY_SCOPES = frozenset({"sts", "iam", "cloudformation", "sns"})
_INVOCATION = re.compile(r"/endpoints/[^/]+/invocations")


def door_of(scope: Scope) -> Door:
    """Return the door of an HTTP request. It only reads what the request claims."""
    head = head_of(scope)
    service = _claimed_service(head)
    if "x-amz-target" in head.headers:
        return Door.JSON
    if service == "s3" or _is_presigned_v2(head):
        return Door.S3
    if head.path == "/mlflow" or head.path.startswith("/mlflow/"):
        return Door.MLFLOW
    if head.path.startswith("/v1/repos/"):
        return Door.GIT
    if service in _QUERY_SCOPES or _is_query(head):
        return Door.QUERY
    if head.method == "POST" and _INVOCATION.fullmatch(head.path):
        return Door.RUNTIME
    if head.path == "/healthz" and head.method in ("GET", "HEAD"):
        return Door.HEALTH
    return Door.PLAIN


def _claimed_service(head: RequestHead) -> str | None:
    match = _SCOPE.search(head.headers.get("authorization", ""))
    if match is None and "X-Amz-Credential=" in head.query:
        match = _SCOPE.search(unquote(head.query))
    return None if match is None else match[1]


def _is_presigned_v2(head: RequestHead) -> bool:
    # Version 2 names no service; only S3 ever had it in URLs, where boto3 still writes it.
    return "AWSAccessKeyId=" in head.query and "Signature=" in head.query


def _is_query(head: RequestHead) -> bool:
    if head.path != "/":
        # urllib and curl call every body a form unless they are told otherwise.
        return False
    media_type = head.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type == "application/x-www-form-urlencoded" or "Action=" in head.query
