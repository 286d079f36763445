"""What was captured in the hours of a window: found in buckets, and listed in manifests.

A job is given exactly these objects, by manifests beside its report, so that anybody can see what
it looked at. Endpoints capture under `<prefix>/<variant>/yyyy/mm/dd/hh/`, labels lie under
`<prefix>/yyyy/mm/dd/hh/`, and batch jobs leave manifests of their inputs and of their outputs under
`<prefix>/input/yyyy/mm/dd/hh/` and `<prefix>/output/yyyy/mm/dd/hh/`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal

from modelyard.store.encryption.bucket_defaults import Encryption
from modelyard.store.errors import NoSuchBucket, NoSuchKey
from modelyard.store.objects import Objects
from modelyard.store.s3_uris import S3Uri, common_folder

#: What a manifest that a batch job left may have.
_MAX_MANIFEST_BYTES = 64 * 2**20
_BEHIND_ALL = "\U0010ffff"


def of_endpoint(objects: Objects, prefix: S3Uri, hours: Sequence[datetime]) -> list[S3Uri]:
    """Return what was captured of an endpoint, of every variant that there ever was."""
    return [
        uri
        for variant in _folders(objects, prefix)
        for uri in of_hours(objects, prefix.child(variant), hours)
    ]


def of_hours(objects: Objects, prefix: S3Uri, hours: Iterable[datetime]) -> list[S3Uri]:
    """Return what lies under some hours."""
    return [uri for hour in hours for uri in _below(objects, hour_of(prefix, hour))]


def of_batch(
    objects: Objects, prefix: S3Uri, side: Literal["input", "output"], hours: Sequence[datetime]
) -> list[S3Uri]:
    """Return the inputs, or the outputs, of batch jobs that ended in some hours, each once."""
    found: dict[S3Uri, None] = {}
    for manifest in of_hours(objects, prefix.child(side), hours):
        found |= dict.fromkeys(_listed(objects, manifest))
    return list(found)


def hour_of(prefix: S3Uri, hour: datetime) -> S3Uri:
    """Return the folder of an hour."""
    return prefix.child(f"{hour:%Y}", f"{hour:%m}", f"{hour:%d}", f"{hour:%H}")


def write_manifests(
    objects: Objects,
    folder: S3Uri,
    name: str,
    uris: Iterable[S3Uri],
    encryption: Encryption | None,
) -> list[S3Uri]:
    """Write a manifest for each bucket that the objects lie in, and return them."""
    by_bucket: dict[str, list[str]] = {}
    for uri in uris:
        by_bucket.setdefault(uri.bucket, []).append(uri.key)
    written = []
    for number, (bucket, keys) in enumerate(sorted(by_bucket.items()), 1):
        shared = common_folder(keys)
        listed = [{"prefix": f"s3://{bucket}/{shared}"}, *(key[len(shared) :] for key in keys)]
        manifest = folder.child(f"{name}-{number}.manifest")
        with objects.writing(manifest, encryption) as sink:
            sink.write(json.dumps(listed).encode())
        written.append(manifest)
    return written


def _folders(objects: Objects, prefix: S3Uri) -> Iterator[str]:
    """Yield the names of the folders right below a prefix, without looking into them."""
    whole = S3Uri(prefix.bucket, f"{prefix.key.removesuffix('/')}/")
    after = ""
    while True:
        try:
            found = next(iter(objects.list(whole, after=after)), None)
        except NoSuchBucket:
            return
        if found is None:
            return
        name, slash, _ = found.key[len(whole.key) :].partition("/")
        if slash:
            yield name
        after = f"{whole.key}{name}/{_BEHIND_ALL}" if slash else found.key


def _below(objects: Objects, folder: S3Uri) -> Iterator[S3Uri]:
    try:
        for info in objects.list(S3Uri(folder.bucket, f"{folder.key}/")):
            yield S3Uri(folder.bucket, info.key)
    except NoSuchBucket:
        return


def _listed(objects: Objects, manifest: S3Uri) -> Iterator[S3Uri]:
    """Yield the objects that a manifest lists and that are still there."""
    try:
        entries = json.loads(objects.get(manifest, max_bytes=_MAX_MANIFEST_BYTES))
        prefix = entries[0]["prefix"]
        uris = [S3Uri.parse(prefix + key) for key in entries[1:]]
    except (NoSuchKey, ValueError, LookupError, TypeError):
        return
    yield from (uri for uri in uris if objects.exists(uri))
