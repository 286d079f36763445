"""Operations on whole objects, but for copies."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import BinaryIO
from xml.etree import ElementTree

from modelyard.api.s3 import checksums
from modelyard.api.s3.call import Answer, Call, xml_answer
from modelyard.api.s3.documents import Element, parse
from modelyard.api.s3.encryption import encryption_headers, wanted_encryption
from modelyard.api.s3.errors import S3Error, error_of, invalid_argument, not_offered
from modelyard.api.s3.metadata import (
    check_offered,
    checksum_headers,
    kept_headers,
    object_headers,
)
from modelyard.api.s3.preconditions import check_read, range_of, write_condition
from modelyard.envelope.reading import SealedFile
from modelyard.store.object_records import Record
from modelyard.store.recorded_objects import StoredObject
from modelyard.store.s3_uris import S3Uri

_OVERRIDES = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
)
_MAX_DELETED = 1000
_MAX_DOCUMENT_BYTES = 4 * 2**20
_PIECE_BYTES = 64 * 1024  # what uvicorn's own buffer takes; larger ones stay in the heap


async def put_object(call: Call) -> Answer:
    """Store the body as an object, once all of it has been verified."""
    uri = call.new_uri()
    check_offered(call.headers)
    headers, condition = kept_headers(call.headers), write_condition(call.headers)
    encryption = await wanted_encryption(call)
    await call.run(call.shelf.objects.check_place, uri, condition)
    body = await call.take_in(encryption)
    try:
        record = Record(
            etag=call.payload.md5,
            headers=headers,
            checksums=dict([call.payload.checksum] if call.payload.checksum else []),
        )
        stored = await call.run(call.shelf.objects.publish, uri, body, record, condition)
    finally:
        await call.run(body.unlink, missing_ok=True)
    return Answer(
        headers={
            "etag": f'"{stored.etag}"',
            **checksum_headers(record),
            **encryption_headers(stored.encryption),
        }
    )


async def head_object(call: Call) -> Answer:
    """Answer with what there is to know of an object; of an encrypted one to who may open it."""
    stored = await _found(call)
    if stored.encryption is not None:
        _, file = await call.run(call.shelf.objects.open, call.uri)
        file.close()
    headers = _headers(call, stored)
    return Answer(headers={**headers, "content-length": str(stored.info.size)})


async def get_object(call: Call) -> Answer:
    """Answer with an object's bytes, or a range of them."""
    _check_version(call)
    stored, file = await call.run(call.shelf.objects.open, call.uri)
    try:
        check_read(call.headers, stored)
        size = stored.info.size
        wanted = range_of(call.headers.get("range"), size)
        start, end = wanted or (0, size)
        headers = {**_headers(call, stored), "content-length": str(end - start)}
    except BaseException:
        file.close()
        raise
    body = FilePieces(call, file, start, end)
    if wanted is None:
        return Answer(headers=headers, body=body)
    headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    return Answer(status=206, headers=_without_checksums(headers), body=body)


class FilePieces:
    """A stretch of an object's file, which stays the same whatever becomes of the key."""

    def __init__(self, call: Call, file: BinaryIO | SealedFile, start: int, end: int) -> None:
        self._call = call
        self._file = file
        self._start = start
        self._end = end

    async def __aiter__(self) -> AsyncIterator[bytes]:
        at = self._start
        while at < self._end:
            size = min(self._end - at, _PIECE_BYTES)
            piece = await self._call.run(self._piece, size, at)
            if not piece:
                raise OSError("the object's file was cut while it was read")
            yield piece
            at += len(piece)

    def _piece(self, size: int, at: int) -> bytes:
        if isinstance(self._file, SealedFile):
            return self._file.pread(size, at)
        return os.pread(self._file.fileno(), size, at)

    async def aclose(self) -> None:
        """Close the file."""
        self._file.close()


async def delete_object(call: Call) -> Answer:
    """Delete an object; that there is none is no error."""
    condition = write_condition(call.headers)
    await call.run(call.shelf.objects.delete, call.uri, condition)
    return Answer(status=204)


async def delete_objects(call: Call) -> Answer:
    """Delete many objects, and answer what became of each."""
    tree = parse(await call.payload.read(_MAX_DOCUMENT_BYTES), "Delete")
    entries = tree.findall("Object")
    if not 1 <= len(entries) <= _MAX_DELETED:
        raise S3Error("MalformedXML")
    is_quiet = (tree.findtext("Quiet") or "").strip().lower() == "true"
    results = await call.run(_delete_all, call, entries)
    shown = [result for result in results if not is_quiet or result[0] == "Error"]
    return xml_answer("DeleteResult", shown)


async def get_object_tagging(call: Call) -> Answer:
    """Answer that an object has no tags; the aws CLI asks ahead of a copy in parts."""
    await _found(call)
    return xml_answer("Tagging", [("TagSet", "")])


async def _found(call: Call) -> StoredObject:
    _check_version(call)
    stored = await call.run(call.shelf.objects.find, call.uri)
    check_read(call.headers, stored)
    return stored


def _check_version(call: Call) -> None:
    version = call.query.get("versionId", "null")
    if version != "null":
        raise invalid_argument("versionId", version, "there are no versions but 'null'")
    if "partNumber" in call.query:
        raise not_offered("Reading an object by partNumber")


def _headers(call: Call, stored: StoredObject) -> dict[str, str]:
    headers = {**object_headers(stored), **encryption_headers(stored.encryption)}
    for name in _OVERRIDES:
        value = call.query.get(f"response-{name}")
        if value is not None:
            if not value.isprintable():
                raise invalid_argument(f"response-{name}", value, "it cannot be a header")
            headers[name] = value
    if call.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
        headers.update(checksum_headers(stored.record))
    return headers


def _without_checksums(headers: dict[str, str]) -> dict[str, str]:
    # They are the whole object's; clients would compare them with the range.
    return {name: value for name, value in headers.items() if not name.startswith(checksums.HEADER)}


def _delete_all(call: Call, entries: list[ElementTree.Element]) -> list[Element]:
    return [_delete_one(call, entry) for entry in entries]


def _delete_one(call: Call, entry: ElementTree.Element) -> Element:
    key = entry.findtext("Key") or ""
    try:
        version = entry.findtext("VersionId")
        if version not in (None, "", "null"):
            raise S3Error("NoSuchVersion", "There are no versions but 'null'")
        if not key:
            raise S3Error("UserKeyMustBeSpecified", "The key is missing")
        etag = entry.findtext("ETag")
        condition = write_condition({"if-match": etag} if etag else {})
        call.shelf.objects.delete(S3Uri(call.bucket, key), condition)
    except Exception as error:
        refused = error_of(error)
        # What concerns the bucket, and what nobody foresaw, concerns all keys.
        if refused is None or refused.code == "NoSuchBucket":
            raise
        return "Error", [("Key", key), ("Code", refused.code), ("Message", refused.message)]
    return "Deleted", [("Key", key)]
