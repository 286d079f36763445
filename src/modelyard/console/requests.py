"""What a browser sends, read once: cookies, forms, where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from modelyard.api.errors import RequestRefused
from modelyard.identity.authentication import RequestHead

MAX_BODY_BYTES = 1 << 20
_MAX_FIELDS = 300
_FORM = "application/x-www-form-urlencoded"


def cookie_name(head: RequestHead, *, secure: bool) -> str:
    """Return the name of the session's cookie.

    Browsers keep cookies per host, whatever the port: so that two servers on one machine do not
    sign each other's visitors out, the port is in the name.
    """
    port = urlsplit(f"//{head.headers.get('host', '')}").netloc.rpartition(":")[2]
    suffix = f"_{port}" if port.isdecimal() else ""
    # With this prefix, a browser takes the cookie over TLS only, and only from this very host.
    return f"{'__Host-' if secure else ''}modelyard_console{suffix}"


def cookie_of(head: RequestHead, name: str) -> str:
    """Return a cookie's value; empty: it was not sent, or more than once."""
    found = [
        value.strip()
        for one in head.headers.get("cookie", "").replace(",", ";").split(";")
        for key, _, value in [one.partition("=")]
        if key.strip() == name
    ]
    return found[0] if len(found) == 1 else ""


def query_of(head: RequestHead) -> dict[str, str]:
    """Return the query; of a name that is given twice, the last value."""
    try:
        return dict(parse_qsl(head.query, max_num_fields=_MAX_FIELDS))
    except ValueError as error:
        raise RequestRefused(400, "MalformedQuery", "the query has too many fields") from error


def form_of(head: RequestHead, body: bytes) -> dict[str, str]:
    """Return a form's fields; values of one name that were chosen together, by lines.

    Raises:
        RequestRefused: it is no form.
    """
    media_type = head.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _FORM:
        raise RequestRefused(415, "UnsupportedMediaType", f"the body must be {_FORM}")
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise RequestRefused(400, "MalformedForm", "the form cannot be read") from error
    fields: dict[str, str] = {}
    for name, value in pairs:
        text = value.replace("\r\n", "\n")
        fields[name] = f"{fields[name]}\n{text}" if name in fields else text
    return fields


def segments_of(head: RequestHead) -> tuple[str, ...]:
    """Return the parts of the path below `/console`, each decoded once.

    Raises:
        RequestRefused: the path is not UTF-8.
    """
    raw = head.path.removeprefix("/console").strip("/")
    try:
        return tuple(unquote(part, errors="strict") for part in raw.split("/")) if raw else ()
    except UnicodeDecodeError as error:
        raise RequestRefused(400, "MalformedPath", "the path is not UTF-8") from error


def check_origin(head: RequestHead) -> None:
    """Return if a form was sent from a page of this server.

    Raises:
        RequestRefused: it was sent from elsewhere, or from who knows where.
    """
    headers: Mapping[str, str] = head.headers
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    own = origin is not None and urlsplit(origin).netloc == headers.get("host")
    if (origin is not None and not own) or (site is not None and site != "same-origin"):
        raise RequestRefused(
            403, "ForeignOrigin", "a form of the console is sent from its own pages only"
        )
    if origin is None and site is None:
        raise RequestRefused(
            403, "ForeignOrigin", "the request does not say which page it was sent from"
        )


def is_from_elsewhere(head: RequestHead) -> bool:
    """Return whether a link on another site led here."""
    return (
        head.headers.get("sec-fetch-site") == "cross-site"
        and head.headers.get("sec-fetch-mode") == "navigate"
    )
