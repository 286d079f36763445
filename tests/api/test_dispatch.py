from __future__ import annotations

from typing import Any

import pytest

from modelyard.api.dispatch import Door, door_of


def scope(method: str = "POST", path: str = "/", query: str = "", **headers: str) -> dict[str, Any]:
    return {
        "method": method,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ],
    }


def signed(service: str, key: str = "AKIA") -> str:
    claim = f"{key}/20240101/us-east-1/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={claim}, SignedHeaders=host, Signature=0"


FORM = "application/x-www-form-urlencoded; charset=utf-8"


@pytest.mark.parametrize(
    ("request_scope", "door"),
    [
        (scope(x_amz_target="SageMaker.ListModels", authorization=signed("sagemaker")), Door.JSON),
        (scope(x_amz_target="SageMaker.ListModels", authorization="Bearer t"), Door.JSON),
        (scope(x_amz_target="", authorization=signed("s3")), Door.JSON),
        (scope(authorization=signed("sts"), content_type=FORM), Door.QUERY),
        (scope(authorization=signed("iam")), Door.QUERY),
        (scope(authorization=signed("sns"), content_type=FORM), Door.QUERY),
        (scope(authorization="Bearer t", content_type=FORM), Door.QUERY),
        (scope("GET", query="Action=GetCallerIdentity"), Door.QUERY),
        (scope("GET", path="/console"), Door.CONSOLE),
        (scope(path="/console/sign-in", content_type=FORM), Door.CONSOLE),
        (scope("GET", path="/consoles"), Door.PLAIN),
        (scope("GET", accept="text/html,*/*"), Door.CONSOLE),
        (scope("GET", accept="text/html", authorization=signed("s3")), Door.S3),
        (scope("GET", accept="*/*"), Door.PLAIN),
        (scope(path="/provisionpipeline", content_type=FORM), Door.PLAIN),
        (scope("PUT", "/bucket/key", authorization=signed("s3")), Door.S3),
        (scope("GET", "/healthz", authorization=signed("s3")), Door.S3),
        (scope("PUT", "/b/k", authorization=signed("s3", key="a/b")), Door.S3),
        (scope("GET", "/b/k", "X-Amz-Credential=AK%2F20240101%2Fr%2Fs3%2Faws4_request"), Door.S3),
        (scope("GET", "/b/k", "X-Amz-Credential=AK/20240101/r/s3/aws4_request&a=b"), Door.S3),
        (scope("GET", "/b/k", "AWSAccessKeyId=AK&Signature=x&Expires=1"), Door.S3),
        (scope(path="/endpoints/e/invocations", authorization=signed("sagemaker")), Door.RUNTIME),
        (scope(path="/endpoints/e/invocations"), Door.RUNTIME),
        (scope("GET", "/endpoints/e/invocations"), Door.PLAIN),
        (scope(path="/endpoints/a/b/invocations"), Door.PLAIN),
        (scope(path="/endpoints/e/invocations", authorization=signed("s3")), Door.S3),
        (scope("GET", "/healthz"), Door.HEALTH),
        (scope("HEAD", "/healthz"), Door.HEALTH),
        (scope("POST", "/healthz"), Door.PLAIN),
        (scope("GET", "/%68ealthz"), Door.PLAIN),
        (scope("GET", "/metrics", authorization="Bearer t"), Door.PLAIN),
        (scope("GET", "/"), Door.PLAIN),
        (scope(authorization=signed("lambda")), Door.PLAIN),
    ],
)
def test_each_request_finds_its_door(request_scope: dict[str, Any], door: Door) -> None:
    assert door_of(request_scope) is door
