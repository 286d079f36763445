"""Copies of objects within an account, as objects and as parts of objects."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from modelyard.api.s3 import checksums
from modelyard.api.s3.call import Answer, Call, xml_answer
from modelyard.api.s3.documents import Element, timestamp
from modelyard.api.s3.encryption import asked_encryption, encryption_headers, wanted_encryption
from modelyard.api.s3.errors import S3Error, invalid_argument, not_offered
from modelyard.api.s3.metadata import check_offered, checksum_elements, kept_headers
from modelyard.api.s3.patience import patiently
from modelyard.api.s3.preconditions import check_copy_source, copy_range_of, write_condition
from modelyard.store.durable_files import copy_stream
from modelyard.store.encryption.bucket_defaults import Encryption
from modelyard.store.multipart_uploads import Upload
from modelyard.store.object_files import open_file
from modelyard.store.object_records import Record
from modelyard.store.recorded_objects import StoredObject
from modelyard.store.s3_uris import S3Uri

_COPY_BYTES = 2**20


async def copy_object(call: Call) -> Answer:
    """Copy an object, with its headers or with the request's."""
    uri, source = call.new_uri(), source_of(call)
    check_offered(call.headers)
    replaces = _replaces(call)
    encryption = await wanted_encryption(call)
    if uri == source and not replaces and asked_encryption(call.headers) is None:
        raise S3Error(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without"
            " changing the object's metadata, storage class, website redirect location or"
            " encryption attributes.",
        )
    condition = write_condition(call.headers)
    await call.run(call.shelf.objects.check_place, uri, condition)
    headers = kept_headers(call.headers) if replaces else None

    async def work() -> Answer:
        stored = await call.run(_copy, call, source, uri, headers, encryption)
        content: list[Element] = [
            ("LastModified", timestamp(stored.info.modified)),
            ("ETag", f'"{stored.etag}"'),
            *checksum_elements(stored.record),
        ]
        told = encryption_headers(stored.encryption)
        return xml_answer("CopyObjectResult", content, headers=told)

    return await patiently(call, work())


async def upload_part_copy(
    call: Call, upload: Upload, number: int, encryption: Encryption | None
) -> Answer:
    """Make a range of an object a part of another, whose `encryption` the part has."""
    source = source_of(call)
    algorithm = next(iter(upload.record.checksums), None)

    async def work() -> Answer:
        etag, checksum, body = await call.run(_copy_range, call, source, algorithm, encryption)
        try:
            part = await call.run(
                call.shelf.uploads.add_part, upload, number, body, etag=etag, checksum=checksum
            )
        finally:
            await call.run(body.unlink, missing_ok=True)
        sums = {algorithm: checksum} if algorithm and checksum else {}
        content: list[Element] = [
            ("LastModified", timestamp(part.at)),
            ("ETag", f'"{etag}"'),
            *((f"Checksum{name.upper()}", value) for name, value in sums.items()),
        ]
        return xml_answer("CopyPartResult", content)

    return await patiently(call, work())


def source_of(call: Call) -> S3Uri:
    """Return what `x-amz-copy-source` names.

    Raises:
        S3Error: it names nothing that could be here.
    """
    header = call.headers["x-amz-copy-source"]
    path, _, version = header.partition("?versionId=")
    if version not in ("", "null"):
        raise invalid_argument("x-amz-copy-source", header, "there are no versions but 'null'")
    if path.startswith("arn:"):
        raise not_offered("A copy source by access point")
    bucket, _, key = unquote(path, errors="surrogateescape").removeprefix("/").partition("/")
    if not bucket or not key:
        raise invalid_argument("x-amz-copy-source", header, "it must be bucket/key, URL-encoded")
    owner = call.headers.get("x-amz-source-expected-bucket-owner", call.principal.account)
    if owner != call.principal.account:
        raise S3Error("AccessDenied", "The source bucket is not owned by that account")
    return S3Uri(bucket, key)


def _replaces(call: Call) -> bool:
    directive = call.headers.get("x-amz-metadata-directive", "COPY")
    if directive not in ("COPY", "REPLACE"):
        raise invalid_argument("x-amz-metadata-directive", directive, "it is COPY or REPLACE")
    return directive == "REPLACE"


def _copy(
    call: Call,
    source: S3Uri,
    uri: S3Uri,
    headers: dict[str, str] | None,
    encryption: Encryption | None,
) -> StoredObject:
    objects = call.shelf.objects
    aside = objects.objects.aside()
    try:
        with objects.opened(source) as (stored, file):
            check_copy_source(call.headers, stored)
            with call.vault.writing(uri.bucket, aside, encryption) as sink:
                copy_stream(file, sink)
        record = stored.record if headers is None else replace(stored.record, headers=headers)
        record = _with_wanted_checksum(call, aside, record)
        return objects.publish(uri, aside, record, write_condition(call.headers))
    finally:
        aside.unlink(missing_ok=True)


def _with_wanted_checksum(call: Call, path: Path, record: Record) -> Record:
    wanted = call.headers.get("x-amz-checksum-algorithm")
    if wanted is None:
        return record
    algorithm = checksums.algorithm_of(wanted)
    if algorithm in record.checksums and record.checksum_type == checksums.FULL_OBJECT:
        return record
    digest = checksums.ALGORITHMS[algorithm]()
    with call.vault.opened(call.bucket, open_file(path)) as file:
        while data := file.read(_COPY_BYTES):
            digest.update(data)
    return replace(
        record,
        checksums={algorithm: checksums.encoded(digest.digest())},
        checksum_type=checksums.FULL_OBJECT,
    )


def _copy_range(
    call: Call, source: S3Uri, algorithm: str | None, encryption: Encryption | None
) -> tuple[str, str | None, Path]:
    md5 = hashlib.md5(usedforsecurity=False)
    digest = checksums.ALGORITHMS[algorithm]() if algorithm else None
    objects = call.shelf.objects
    aside = objects.objects.aside()
    try:
        with (
            objects.opened(source) as (stored, file),
            call.vault.writing(call.bucket, aside, encryption) as sink,
        ):
            check_copy_source(call.headers, stored)
            start, end = copy_range_of(
                call.headers.get("x-amz-copy-source-range"), stored.info.size
            )
            file.seek(start)
            left = end - start
            while left and (data := file.read(min(left, _COPY_BYTES))):
                for each in (md5, digest):
                    if each is not None:
                        each.update(data)
                sink.write(data)
                left -= len(data)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    checksum = checksums.encoded(digest.digest()) if digest else None
    return md5.hexdigest(), checksum, aside
