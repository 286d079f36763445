"""Uploads in parts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from xml.etree import ElementTree

from modelyard.api.s3 import checksums
from modelyard.api.s3.buckets import owner
from modelyard.api.s3.call import Answer, Call, number, xml_answer
from modelyard.api.s3.copying import upload_part_copy
from modelyard.api.s3.documents import Element, parse, timestamp
from modelyard.api.s3.encryption import encryption_headers, wanted_encryption
from modelyard.api.s3.errors import S3Error, invalid_argument
from modelyard.api.s3.metadata import check_offered, checksum_elements, kept_headers
from modelyard.api.s3.patience import patiently
from modelyard.api.s3.preconditions import write_condition
from modelyard.store.encryption.bucket_defaults import Encryption
from modelyard.store.encryption.vault import encryption_of
from modelyard.store.multipart_uploads import Part, Upload
from modelyard.store.object_records import Record
from modelyard.store.recorded_objects import StoredObject

MAX_PARTS = 10_000
_PAGE = 1000
_MAX_DOCUMENT_BYTES = 8 * 2**20


async def create_multipart_upload(call: Call) -> Answer:
    """Begin an upload in parts."""
    uri = call.new_uri()
    check_offered(call.headers)
    encryption = await wanted_encryption(call)
    record = replace(_record_of(call), encryption=_kept(encryption))
    await call.run(call.shelf.objects.check_place, uri)
    if encryption is not None:
        # Whoever may not use the key is told ahead of the parts, and told the key's ARN.
        header, _ = await call.run(call.vault.header, call.bucket, encryption)
        encryption = encryption_of(header)
    upload = await call.run(call.shelf.uploads.begin, uri, record)
    headers = encryption_headers(encryption)
    if record.checksums:
        headers[f"{checksums.HEADER}algorithm"] = next(iter(record.checksums)).upper()
        headers[f"{checksums.HEADER}type"] = record.checksum_type
    content: list[Element] = [
        ("Bucket", call.bucket),
        ("Key", call.key),
        ("UploadId", upload.id),
    ]
    return xml_answer("InitiateMultipartUploadResult", content, headers=headers)


async def upload_part(call: Call) -> Answer:
    """Take in one part: the body, or a range of another object."""
    part_number = number(call.query, "partNumber", default=0, most=2**31, least=1)
    if not 1 <= part_number <= MAX_PARTS:
        raise invalid_argument(
            "partNumber",
            call.query.get("partNumber", ""),
            f"it must be a whole number from 1 to {MAX_PARTS}",
        )
    upload = await _upload(call)
    if "x-amz-copy-source" in call.headers:
        return await upload_part_copy(call, upload, part_number, _asked(upload))
    algorithm = next(iter(upload.record.checksums), None)
    _check_algorithm(call, algorithm)
    call.payload.want_checksum(algorithm)
    encryption = _asked(upload)
    body = await call.take_in(encryption)
    try:
        checksum = call.payload.checksum
        await call.run(
            call.shelf.uploads.add_part,
            upload,
            part_number,
            body,
            etag=call.payload.md5,
            checksum=checksum[1] if checksum and checksum[0] == algorithm else None,
        )
    finally:
        await call.run(body.unlink, missing_ok=True)
    headers = {"etag": f'"{call.payload.md5}"', **encryption_headers(encryption)}
    if checksum is not None:
        headers[f"{checksums.HEADER}{checksum[0]}"] = checksum[1]
    return Answer(headers=headers)


async def complete_multipart_upload(call: Call) -> Answer:
    """Make an object of the parts that the client names."""
    condition = write_condition(call.headers)
    upload = await _upload(call)
    tree = parse(await call.payload.read(_MAX_DOCUMENT_BYTES), "CompleteMultipartUpload")
    parts = _chosen(tree, await call.run(call.shelf.uploads.parts, upload), upload)
    record = _whole(call, upload, parts)
    await call.run(call.shelf.objects.check_place, upload.uri, condition)

    def assemble() -> StoredObject:
        aside = call.shelf.uploads.assemble(upload, parts, call.vault, _asked(upload))
        try:
            stored = call.shelf.objects.publish(upload.uri, aside, record, condition)
        finally:
            aside.unlink(missing_ok=True)
        call.shelf.uploads.end(upload)
        return stored

    async def work() -> Answer:
        stored = await call.run(assemble)
        host = call.headers.get("host", "localhost")
        content: list[Element] = [
            ("Location", f"http://{host}/{call.bucket}/{call.key}"),
            ("Bucket", call.bucket),
            ("Key", call.key),
            ("ETag", f'"{stored.etag}"'),
            *checksum_elements(record),
        ]
        headers = encryption_headers(stored.encryption)
        return xml_answer("CompleteMultipartUploadResult", content, headers=headers)

    return await patiently(call, work())


async def abort_multipart_upload(call: Call) -> Answer:
    """Give an upload up."""
    upload = await _upload(call)
    await call.run(call.shelf.uploads.end, upload)
    return Answer(status=204)


async def list_parts(call: Call) -> Answer:
    """Answer with the parts that are there."""
    upload = await _upload(call)
    after = number(call.query, "part-number-marker", default=0, most=MAX_PARTS)
    most = number(call.query, "max-parts", default=_PAGE, most=_PAGE)
    parts = [
        part for part in await call.run(call.shelf.uploads.parts, upload) if part.number > after
    ]
    shown, algorithm = parts[:most], next(iter(upload.record.checksums), None)
    content: list[Element] = [
        ("Bucket", call.bucket),
        ("Key", call.key),
        ("UploadId", upload.id),
        ("Initiator", owner(call)),
        ("Owner", owner(call)),
        ("StorageClass", "STANDARD"),
        ("PartNumberMarker", after),
        ("MaxParts", most),
        ("IsTruncated", len(parts) > len(shown)),
    ]
    if shown:
        content.append(("NextPartNumberMarker", shown[-1].number))
    if algorithm:
        content.append(("ChecksumAlgorithm", algorithm.upper()))
        content.append(("ChecksumType", upload.record.checksum_type))
    content += [("Part", _part_elements(part, algorithm)) for part in shown]
    return xml_answer("ListPartsResult", content)


async def list_multipart_uploads(call: Call) -> Answer:
    """Answer with the uploads to a bucket that are under way."""
    await call.run(call.shelf.objects.objects.folder_of, call.bucket)
    prefix = call.query.get("prefix", "")
    key_marker = call.query.get("key-marker", "")
    # Without an upload's id the marker leaves out all of its key's.
    id_marker = call.query.get("upload-id-marker", "") or ("\U0010ffff" if key_marker else "")
    most = number(call.query, "max-uploads", default=_PAGE, most=_PAGE)
    found = await call.run(
        call.shelf.uploads.under_way, call.bucket, prefix=prefix, after=(key_marker, id_marker)
    )
    shown = found[:most]
    content: list[Element] = [
        ("Bucket", call.bucket),
        ("KeyMarker", key_marker),
        ("UploadIdMarker", call.query.get("upload-id-marker", "")),
        ("Prefix", prefix),
        ("MaxUploads", most),
        ("IsTruncated", len(found) > len(shown)),
    ]
    if len(found) > len(shown) and shown:
        content.append(("NextKeyMarker", shown[-1].uri.key))
        content.append(("NextUploadIdMarker", shown[-1].id))
    content += [("Upload", _upload_elements(call, upload)) for upload in shown]
    return xml_answer("ListMultipartUploadsResult", content)


async def _upload(call: Call) -> Upload:
    return await call.run(call.shelf.uploads.get, call.uri, call.query.get("uploadId", ""))


def _record_of(call: Call) -> Record:
    """Return what is known of an object in parts: its headers, and how it is to be checked."""
    headers = kept_headers(call.headers)
    wanted = call.headers.get(f"{checksums.HEADER}algorithm")
    if wanted is None:
        return Record(etag="", headers=headers)
    algorithm = checksums.algorithm_of(wanted)
    kind = checksums.type_of(algorithm, call.headers.get(f"{checksums.HEADER}type"))
    return Record(etag="", headers=headers, checksums={algorithm: ""}, checksum_type=kind)


def _kept(encryption: Encryption | None) -> dict[str, str] | None:
    return None if encryption is None else {"mode": encryption.mode, "key": encryption.key}


def _asked(upload: Upload) -> Encryption | None:
    """Return how an upload's object is to be encrypted, as it was asked for at its beginning."""
    kept = upload.record.encryption
    if kept is None:
        return None
    return Encryption(mode="AES256" if kept["mode"] == "AES256" else "aws:kms", key=kept["key"])


def _check_algorithm(call: Call, algorithm: str | None) -> None:
    claimed = checksums.claimed(call.headers)
    if claimed is not None and algorithm is not None and claimed[0] != algorithm:
        raise S3Error(
            "InvalidRequest",
            f"Checksum Type mismatch occurred, expected checksum Type: {algorithm}, actual checksum"
            f" Type: {claimed[0]}",
        )


def _chosen(tree: ElementTree.Element, there: Sequence[Part], upload: Upload) -> list[Part]:
    """Return the parts that the client names, all of which must be those that were sent."""
    known = {part.number: part for part in there}
    algorithm = next(iter(upload.record.checksums), None)
    chosen: list[Part] = []
    for entry in tree.findall("Part"):
        text = (entry.findtext("PartNumber") or "").strip()
        if not (text.isascii() and text.isdigit() and len(text) <= 5):
            raise S3Error("MalformedXML")
        part = known.get(int(text))
        etag = (entry.findtext("ETag") or "").strip().strip('"')
        claimed = entry.findtext(f"Checksum{(algorithm or '').upper()}") if algorithm else None
        if part is None or part.etag != etag or claimed not in (None, part.checksum):
            raise S3Error(
                "InvalidPart",
                details={"UploadId": upload.id, "PartNumber": text, "ETag": etag[:100]},
            )
        if chosen and chosen[-1].number >= part.number:
            raise S3Error("InvalidPartOrder", details={"UploadId": upload.id})
        chosen.append(part)
    if not chosen:
        raise S3Error("MalformedXML")
    return chosen


def _whole(call: Call, upload: Upload, parts: Sequence[Part]) -> Record:
    """Return the record of the object that the parts make."""
    size = sum(part.size for part in parts)
    wanted = call.headers.get("x-amz-mp-object-size")
    if wanted is not None and wanted != str(size):
        raise S3Error(
            "InvalidRequest",
            f"The provided 'x-amz-mp-object-size' header does not match what was computed: {size}",
        )
    md5 = hashlib.md5(usedforsecurity=False)
    for part in parts:
        md5.update(bytes.fromhex(part.etag))
    record = upload.record
    sums = {
        algorithm: checksums.of_parts(
            algorithm, record.checksum_type, [(part.checksum or "", part.size) for part in parts]
        )
        for algorithm in record.checksums
    }
    for algorithm, value in sums.items():
        claimed = call.headers.get(f"{checksums.HEADER}{algorithm}")
        if claimed is not None and claimed.partition("-")[0] != value.partition("-")[0]:
            raise S3Error("BadDigest")
    return Record(
        etag=f"{md5.hexdigest()}-{len(parts)}",
        headers=record.headers,
        checksums=sums,
        checksum_type=record.checksum_type,
    )


def _part_elements(part: Part, algorithm: str | None) -> list[Element]:
    content: list[Element] = [
        ("PartNumber", part.number),
        ("LastModified", timestamp(part.at)),
        ("ETag", f'"{part.etag}"'),
        ("Size", part.size),
    ]
    if algorithm and part.checksum:
        content.append((f"Checksum{algorithm.upper()}", part.checksum))
    return content


def _upload_elements(call: Call, upload: Upload) -> list[Element]:
    return [
        ("UploadId", upload.id),
        ("Key", upload.uri.key),
        ("Initiated", timestamp(upload.begun_at)),
        ("StorageClass", "STANDARD"),
        ("Owner", owner(call)),
        ("Initiator", owner(call)),
    ]
