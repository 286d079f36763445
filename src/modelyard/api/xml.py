"""The query protocol's answers: a response's shape as XML elements."""

from __future__ import annotations

import base64
import re
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from botocore.model import ListShape, MapShape, Shape, StructureShape

from modelyard.api.shaping import utc

#: What XML 1.0 cannot hold, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def operation_document(
    *, name: str, namespace: str, shape: Shape | None, answer: Any, request_id: str
) -> str:
    """Return the whole answer of the operation `name`."""
    wrapper = f"{name}Result" if shape is None else shape.serialization.get("resultWrapper")
    content = "" if shape is None else "".join(_members(shape, answer))
    result = f"<{wrapper}>{content}</{wrapper}>" if wrapper and shape is not None else content
    metadata = f"<ResponseMetadata>{_text('RequestId', request_id)}</ResponseMetadata>"
    return f"<{name}Response xmlns={quoteattr(namespace)}>{result}{metadata}</{name}Response>"


def error_document(*, code: str, message: str, is_servers: bool, request_id: str) -> str:
    """Return an error's answer."""
    error = (
        _text("Type", "Receiver" if is_servers else "Sender")
        + _text("Code", code)
        + _text("Message", message)
    )
    return f"<ErrorResponse><Error>{error}</Error>{_text('RequestId', request_id)}</ErrorResponse>"


def _members(shape: Shape, value: Any) -> list[str]:
    if not isinstance(shape, StructureShape):
        raise TypeError(f"{shape.name} is a {shape.type_name}, not a structure")
    return [
        _element(member.serialization.get("name", name), member, value[name])
        for name, member in shape.members.items()
        if value.get(name) is not None
    ]


def _element(name: str, shape: Shape, value: Any) -> str:
    if isinstance(shape, StructureShape):
        return f"<{name}>{''.join(_members(shape, value))}</{name}>"
    if isinstance(shape, ListShape):
        flat = bool(shape.serialization.get("flattened"))
        item = name if flat else shape.member.serialization.get("name", "member")
        items = "".join(_element(item, shape.member, entry) for entry in value)
        return items if flat else f"<{name}>{items}</{name}>"
    if isinstance(shape, MapShape):
        flat = bool(shape.serialization.get("flattened"))
        entries = "".join(_entry(name if flat else "entry", shape, *pair) for pair in value.items())
        return entries if flat else f"<{name}>{entries}</{name}>"
    return _text(name, _scalar(shape, value))


def _entry(name: str, shape: MapShape, key: str, value: Any) -> str:
    key_name = shape.key.serialization.get("name", "key")
    value_name = shape.value.serialization.get("name", "value")
    return f"<{name}>{_text(key_name, key)}{_element(value_name, shape.value, value)}</{name}>"


def _scalar(shape: Shape, value: Any) -> str:
    if shape.type_name == "timestamp":
        moment = utc(value)
        spec = "milliseconds" if moment.microsecond else "seconds"
        return moment.isoformat(timespec=spec).replace("+00:00", "Z")
    if shape.type_name == "blob":
        return base64.b64encode(value).decode()
    if shape.type_name == "boolean":
        return "true" if value else "false"
    return str(value)


def _text(name: str, text: str) -> str:
    # A bare carriage return would be read back as a newline.
    whole = escape(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text), {"\r": "&#13;"})
    return f"<{name}>{whole}</{name}>"
