"""Reading a PDF back: its text, from its own page streams and its fonts' tables."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator, Mapping

_OBJECT = re.compile(rb"(?s)(\d+) 0 obj(.*?)endobj")
_LENGTH = re.compile(rb"/Length (\d+)\b")
_PIECE = re.compile(rb"(?s)/(F\d+(?:\+\d+)?) [\d.]+ Tf|\(((?:\\.|[^\\()])*)\) Tj|(T\*|BT|ET)")
_CHARACTER = re.compile(rb"<([0-9A-F]{2})> <([0-9A-F]{4,})>")
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def text_of(pdf: bytes) -> str:
    """Return all text of a PDF that reportlab wrote, page by page, blanks made one."""
    objects = {int(number): body for number, body in _OBJECT.findall(pdf)}
    fonts = dict(_fonts(objects))
    pages = [_page(_content(body), fonts) for body in objects.values() if _is_page(body)]
    return " ".join(" ".join(pages).split())


def _is_page(body: bytes) -> bool:
    return b"stream" in body and b"/Length1" not in body and b" Tf" in _content(body)


def _content(body: bytes) -> bytes:
    head, found, data = body.partition(b"stream\n")
    length = _LENGTH.search(head)
    if not found or length is None:
        return b""
    data = data[: int(length.group(1))]
    if b"/ASCII85Decode" in head:
        data = base64.a85decode(data.strip().removesuffix(b"~>"))
    return zlib.decompress(data) if b"/FlateDecode" in head else data


def _fonts(objects: Mapping[int, bytes]) -> Iterator[tuple[str, dict[int, str]]]:
    """Yield each embedded subset with the characters that its bytes stand for."""
    for body in objects.values():
        name = re.search(rb"/Name /(F\d+\+\d+)", body)
        table = re.search(rb"/ToUnicode (\d+) 0 R", body)
        if name is None or table is None:
            continue
        mapping = {
            int(byte, 16): _utf16(character)
            for byte, character in _CHARACTER.findall(_content(objects[int(table.group(1))]))
        }
        yield name.group(1).decode(), mapping


def _utf16(digits: bytes) -> str:
    return bytes.fromhex(digits.decode()).decode("utf-16-be")


def _page(content: bytes, fonts: Mapping[str, dict[int, str]]) -> str:
    text, font = [], ""
    for chosen, shown, broken in _PIECE.findall(content):
        if chosen:
            font = chosen.decode()
        elif broken:
            text.append(" ")
        else:
            mapping = fonts.get(font, {})
            text.extend(mapping.get(byte, chr(byte)) for byte in _unescaped(shown))
    return "".join(text)


def _unescaped(literal: bytes) -> bytes:
    def plain(match: re.Match[bytes]) -> bytes:
        code = match.group(1)
        if code.isdigit():
            return bytes([int(code, 8)])
        return _ESCAPES.get(code, code)

    return re.sub(rb"(?s)\\([0-7]{1,3}|.)", plain, literal)
