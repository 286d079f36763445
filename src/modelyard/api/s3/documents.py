"""S3's XML: documents written from nested tuples, and read without trusting them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypeAlias
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from modelyard.api.s3.errors import S3Error

#: A name with its text, or with the elements in it.
Element: TypeAlias = "tuple[str, str | int | bool | Iterable[Element]]"

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'

#: What XML 1.0 cannot hold, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(name: str, content: str | Iterable[Element]) -> bytes:
    """Return the whole document whose root is called `name`."""
    inner = _text(content) if isinstance(content, str) else _elements(content)
    return DECLARATION + f'<{name} xmlns="{NAMESPACE}">{inner}</{name}>'.encode()


def error_document(error: S3Error, *, resource: str, request_id: str) -> bytes:
    """Return the document of an error; errors have no namespace."""
    content: list[Element] = [
        ("Code", error.code),
        ("Message", error.message),
        *error.details.items(),
        ("Resource", resource),
        ("RequestId", request_id),
    ]
    return DECLARATION + f"<Error>{_elements(content)}</Error>".encode()


def parse(body: bytes, root: str) -> ElementTree.Element:
    """Return the root element of a request's document, all names without namespaces.

    Raises:
        S3Error: MalformedXML, also for a document type, which could make a small document huge.
    """
    try:
        # As text: in bytes a document may name an encoding in which the type hides.
        text = body.decode()
        if "<!" in text:
            raise S3Error("MalformedXML")
        tree = ElementTree.fromstring(text)  # noqa: S314  # entities need a document type
    except (ElementTree.ParseError, ValueError) as error:
        raise S3Error("MalformedXML") from error
    for element in tree.iter():
        element.tag = element.tag.rpartition("}")[2]
    if tree.tag != root:
        raise S3Error("MalformedXML")
    return tree


def timestamp(moment: datetime) -> str:
    """Return a moment as S3 writes it, with milliseconds."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _elements(content: Iterable[Element]) -> str:
    return "".join(_element(name, value) for name, value in content)


def _element(name: str, value: str | int | bool | Iterable[Element]) -> str:
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str | int):
        text = _text(str(value))
    else:
        text = _elements(value)
    return f"<{name}>{text}</{name}>"


def _text(text: str) -> str:
    # A carriage return as such would be read back as a line feed.
    return escape(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)).replace("\r", "&#13;")
