"""Operations on buckets."""

from __future__ import annotations

import hashlib
from datetime import datetime

from modelyard import clock
from modelyard.api.s3.call import Answer, Call, number, xml_answer
from modelyard.api.s3.documents import Element, parse, timestamp
from modelyard.api.s3.errors import S3Error, invalid_argument, not_offered
from modelyard.api.s3.tokens import continuation, continued
from modelyard.store.s3_uris import bucket_problem

_MAX_DOCUMENT_BYTES = 64 * 1024
_DEFAULT_REGION = "us-east-1"
_MAX_BUCKETS = 10_000


def owner(call: Call) -> list[Element]:
    """Return who owns all that the caller can see."""
    canonical = hashlib.sha256(call.principal.account.encode()).hexdigest()
    return [("ID", canonical), ("DisplayName", call.principal.account)]


async def list_buckets(call: Call) -> Answer:
    """Answer with the account's buckets, sorted by name."""
    prefix, region = call.query.get("prefix", ""), call.query.get("bucket-region", "")
    after = continued(call.query.get("continuation-token"))
    most = number(call.query, "max-buckets", default=_MAX_BUCKETS, most=_MAX_BUCKETS, least=1)
    found = await call.run(_buckets, call)
    wanted = [
        (name, created, where)
        for name, created, where in found
        if name.startswith(prefix) and name > after and region in ("", where)
    ]
    content: list[Element] = [
        ("Owner", owner(call)),
        ("Buckets", [("Bucket", _bucket(*bucket)) for bucket in wanted[:most]]),
    ]
    if prefix:
        content.append(("Prefix", prefix))
    if len(wanted) > most:
        content.append(("ContinuationToken", continuation(wanted[most - 1][0])))
    return xml_answer("ListAllMyBucketsResult", content)


async def create_bucket(call: Call) -> Answer:
    """Create a bucket; all regions are in this one place, so any is fine."""
    problem = bucket_problem(call.bucket)
    if problem is not None:
        raise S3Error(
            "InvalidBucketName",
            f"The specified bucket is not valid: {problem}",
            details={"BucketName": call.bucket},
        )
    if call.headers.get("x-amz-bucket-object-lock-enabled", "false").lower() != "false":
        raise not_offered("Object lock")
    region = _wanted_region(await call.payload.read(_MAX_DOCUMENT_BYTES)) or call.region
    await call.run(_create, call, region)
    return Answer(headers={"location": f"/{call.bucket}"})


async def head_bucket(call: Call) -> Answer:
    """Answer whether there is such a bucket, and where."""
    return Answer(headers={"x-amz-bucket-region": await call.run(_region, call)})


async def get_bucket_location(call: Call) -> Answer:
    """Answer with the bucket's region; us-east-1 is called nothing."""
    region = await call.run(_region, call)
    return xml_answer("LocationConstraint", "" if region == _DEFAULT_REGION else region)


async def get_bucket_versioning(call: Call) -> Answer:
    """Answer that versions were never switched on."""
    await call.run(call.shelf.objects.objects.folder_of, call.bucket)
    return xml_answer("VersioningConfiguration", "")


async def delete_bucket(call: Call) -> Answer:
    """Delete a bucket without objects, and the uploads to it that are under way."""
    await call.run(_delete, call)
    return Answer(status=204)


def _buckets(call: Call) -> list[tuple[str, datetime, str]]:
    objects, records = call.shelf.objects.objects, call.shelf.objects.records
    found = []
    for name in objects.buckets():
        record = records.find_bucket(name)
        if record is None:
            created = clock.from_micros((objects.root / name).stat().st_ctime_ns // 1000)
            found.append((name, created, _DEFAULT_REGION))
        else:
            found.append((name, clock.from_micros(record.created_at), record.region))
    return found


def _bucket(name: str, created: datetime, region: str) -> list[Element]:
    return [("Name", name), ("CreationDate", timestamp(created)), ("BucketRegion", region)]


def _wanted_region(body: bytes) -> str | None:
    if not body.strip():
        return None
    tree = parse(body, "CreateBucketConfiguration")
    region = (tree.findtext("LocationConstraint") or "").strip()
    if region and not (region.isascii() and region.replace("-", "").isalnum() and len(region) < 64):
        raise invalid_argument("LocationConstraint", region, "it is not a region's name")
    return region or None


def _create(call: Call, region: str) -> None:
    call.shelf.objects.objects.create_bucket(call.bucket)
    call.shelf.objects.records.put_bucket(call.bucket, region)


def _region(call: Call) -> str:
    call.shelf.objects.objects.folder_of(call.bucket)
    record = call.shelf.objects.records.find_bucket(call.bucket)
    return _DEFAULT_REGION if record is None else record.region


def _delete(call: Call) -> None:
    call.shelf.objects.objects.delete_bucket(call.bucket)
    call.shelf.uploads.end_all(call.bucket)
    call.vault.defaults.remove(call.bucket)
