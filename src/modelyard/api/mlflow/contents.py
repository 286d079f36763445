"""What a request may say to MLflow: no place of the server's, by no way of spelling it.

MLflow decodes paths again and again until nothing is left to decode, reads a request's members
under two spellings (`artifact_location`, `artifactLocation`), and takes a GET's members from its
body where it has no query. So what is passed on is written anew from what was read here, once:
there is nothing that could be read differently behind the door.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from modelyard.api.errors import RequestRefused

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SOURCE = re.compile(r"(?P<scheme>runs|models|mlflow-artifacts):/(?P<path>[^/].*)")
#: A path that is written into a GraphQL query instead of into its variables.
_LITERAL_PATH = re.compile(r'path(?:[\s,]|#[^\n]*\n)*:(?:[\s,]|#[^\n]*\n)*"', re.IGNORECASE)
_PATHS = frozenset({"path", "artifactpath", "artifactdirectorypath"})
#: Where artifacts lie is the server's to say.
_PLACES = frozenset({"artifactlocation", "artifacturi", "artifactroot", "defaultartifactroot"})
_CREATES_VERSION = re.compile(r".*/mlflow/model-versions/create")
_MAX_DEPTH = 50


def safe_target(raw_path: str) -> str:
    """Return a request's path, decoded once.

    Raises:
        RequestRefused: it leads out of where it begins, or decodes to something else once more.
    """
    path = _decoded(raw_path)
    if path != "/":
        _check_path(path[1:], "the path")
    return path


def encoded(path: str) -> str:
    """Return a decoded path as it goes over the wire."""
    return quote(path, safe="/:@!$&'()*+,;=~")


def safe_query(raw_query: str) -> str:
    """Return a query, written anew.

    Raises:
        RequestRefused: it names a place of the server's.
    """
    pairs = parse_qsl(raw_query, keep_blank_values=True, max_num_fields=200)
    for name, value in pairs:
        _check_member(name, value)
    return urlencode(pairs)


def safe_body(path: str, body: bytes) -> bytes:
    """Return a JSON body, written anew.

    Args:
        path: the request's, decoded.

    Raises:
        RequestRefused: it is no JSON object, or names a place of the server's.
    """
    if not body:
        return b""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _refused(f"the body must be one JSON object: {error}") from error
    if not isinstance(content, dict):
        raise _refused("the body must be one JSON object")
    _check(content, 0)
    if _CREATES_VERSION.fullmatch(path):
        for name, value in content.items():
            if _plain(name) == "source":
                _check_source(value)
    if path == "/graphql" and _LITERAL_PATH.search(str(content.get("query", ""))):
        raise _refused("a path in a GraphQL query must be given as a variable")
    return json.dumps(content).encode()


def _check(value: Any, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise _refused(f"the body is nested more than {_MAX_DEPTH} deep")
    if isinstance(value, dict):
        for name, inner in value.items():
            _check_member(name, inner)
            _check(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, depth + 1)


def _check_member(name: str, value: Any) -> None:
    plain = _plain(name)
    if plain in _PLACES and value:
        raise _refused(
            f"{name} {str(value)[:100]!r}: where artifacts lie is the server's to say, leave it out"
        )
    if plain in _PATHS and value:
        _check_path(str(value), name)


def _check_path(path: str, name: str) -> None:
    """Return if a path leads down from where it begins, whatever reads it."""
    if unquote(path) != path:
        raise _refused(f"{name} {path[:100]!r} still decodes to something else: rename it")
    first = path.partition("/")[0]
    segments = path.removesuffix("/").split("/")
    if (
        "\\" in path
        or "#" in path
        or _CONTROL.search(path)
        or ":" in first
        or any(segment in ("", ".", "..") for segment in segments)
    ):
        raise _refused(
            f"{name} {path[:100]!r} must be relative, of segments that are not empty, '.' or '..', "
            "without backslashes, colons at its beginning, '#' or control characters"
        )


def _check_source(value: Any) -> None:
    match = _SOURCE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise _refused(
            f"source {str(value)[:100]!r} must be an artifact of this server's: "
            "runs:/<run>/<path>, models:/<model> or mlflow-artifacts:/<path>"
        )
    _check_path(match["path"], "source")


def _decoded(raw: str) -> str:
    try:
        return unquote(raw, errors="strict")
    except UnicodeDecodeError as error:
        raise _refused("the path is not UTF-8") from error


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _refused(message: str) -> RequestRefused:
    return RequestRefused(400, "INVALID_PARAMETER_VALUE", message)
