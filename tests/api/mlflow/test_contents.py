"""What may pass to MLflow names no place of the server's, however it is spelt."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.api.errors import RequestRefused
from modelyard.api.mlflow.contents import encoded, safe_body, safe_query, safe_target

CREATE_VERSION = "/api/2.0/mlflow/model-versions/create"
CREATE = "/api/2.0/mlflow/experiments/create"


@pytest.mark.parametrize(
    "path",
    [
        "/..",
        "/a/../b",
        "/a/%2e%2e/b",
        "/a/%2E%2E%2Fb",
        "/a/%252e%252e/b",
        "/a//b",
        "//etc/passwd",
        "/a/./b",
        "/a%5C..%5Cb",
        "/a%00b",
        "/a%0d%0aSet-Cookie:x",
        "/file:/etc",
        "/a%23b",
        "/%ff",
    ],
)
def test_a_path_leads_down_and_decodes_once(path: str) -> None:
    with pytest.raises(RequestRefused):
        safe_target(path)


@pytest.mark.parametrize("path", ["/", "/a b/ü.txt", "/a/b/", "/x+y=(1).csv", "/a/b:c"])
def test_an_ordinary_path_arrives_as_it_was_meant(path: str) -> None:
    assert unquote(encoded(safe_target(encoded(path)))) == path


@given(st.text())
def test_whatever_passes_cannot_leave_its_folder(text: str) -> None:
    try:
        path = safe_target("/" + text.replace("?", ""))
    except (RequestRefused, UnicodeEncodeError):
        return
    while (decoded := unquote(path)) != path:
        path = decoded
    assert ".." not in path.replace("\\", "/").split("/")
    assert not path.startswith("//")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "e", "artifact_location": "file:///etc"},
        {"name": "e", "artifactLocation": "s3://bucket"},
        {"name": "e", "artifact_Location": "/etc"},
        {"nested": [{"artifact_path": "../x"}]},
        {"variables": {"data": {"path": "/etc"}}},
        {"path": "a\\..\\b"},
        {"path": "%2e%2e/x"},
    ],
)
def test_a_body_names_no_place(body: dict[str, Any]) -> None:
    with pytest.raises(RequestRefused):
        safe_body(CREATE, json.dumps(body).encode())


@pytest.mark.parametrize(
    "source",
    [
        "file:///etc",
        "FILE:/etc",
        "/etc",
        "etc",
        "s3://bucket/key",
        "http://127.0.0.1/",
        "runs:/abc/../../x",
        "runs:/abc/%2e%2e/x",
        "mlflow-artifacts://elsewhere:80/x",
        "mlflow-artifacts:///etc",
        "models:/m#file:///etc",
        "dbfs:/x",
        "",
        None,
        {"a": 1},
    ],
)
def test_a_models_source_is_an_artifact_of_this_server(source: Any) -> None:
    for name in ("source", "Source"):
        with pytest.raises(RequestRefused):
            safe_body(CREATE_VERSION, json.dumps({"name": "m", name: source}).encode())


@pytest.mark.parametrize(
    "source", ["runs:/0a1b/model", "models:/m-123", "mlflow-artifacts:/1/0a1b/artifacts/model"]
)
def test_an_artifact_of_this_server_is_a_source(source: str) -> None:
    body = {"name": "m", "source": source}
    assert json.loads(safe_body(CREATE_VERSION, json.dumps(body).encode())) == body


@pytest.mark.parametrize("body", [b"[]", b"1", b"{", b"\xff", b'{"a":' * 2000 + b"1" + b"}" * 2000])
def test_a_body_is_one_object(body: bytes) -> None:
    with pytest.raises(RequestRefused):
        safe_body(CREATE, body)


def test_of_a_member_that_is_given_twice_only_what_was_checked_goes_on() -> None:
    body = b'{"name": "e", "artifact_location": "file:/etc", "artifact_location": ""}'
    assert json.loads(safe_body(CREATE, body)) == {"name": "e", "artifact_location": ""}


@pytest.mark.parametrize("query", ['{a(path: "x")}', '{a(path :\n "x")}', '{a(path#c\n: "x")}'])
def test_a_path_is_a_variable_of_a_graphql_query(query: str) -> None:
    with pytest.raises(RequestRefused):
        safe_body("/graphql", json.dumps({"query": query}).encode())


@pytest.mark.parametrize("query", ["path=..%2Fx", "path=%252e%252e", "run=1&path=a&path=%2Fetc"])
def test_a_query_names_no_place(query: str) -> None:
    with pytest.raises(RequestRefused):
        safe_query(query)


def test_a_query_arrives_as_it_was_meant() -> None:
    query = "filter=tags.x+%3D+%27a%26b%27&max_results=5&page_token="
    assert parse_qsl(safe_query(query), keep_blank_values=True) == [
        ("filter", "tags.x = 'a&b'"),
        ("max_results", "5"),
        ("page_token", ""),
    ]
