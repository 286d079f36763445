"""ListObjects, in its two versions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from modelyard.api.s3.buckets import owner
from modelyard.api.s3.call import Answer, Call, number, xml_answer
from modelyard.api.s3.documents import Element, timestamp
from modelyard.api.s3.errors import invalid_argument
from modelyard.api.s3.tokens import continuation, continued
from modelyard.store.object_files import ObjectInfo, info_of_entry
from modelyard.store.objects import Objects
from modelyard.store.recorded_objects import StoredObject
from modelyard.store.s3_uris import S3Uri

MAX_KEYS = 1000


@dataclass(frozen=True, kw_only=True)
class Page:
    """A stretch of a bucket's keys; those with the delimiter in them are rolled up."""

    infos: list[ObjectInfo]
    prefixes: list[str]
    last: str | None  # what the next page goes on behind; None when there is none


def page_of(objects: Objects, uri: S3Uri, *, delimiter: str, after: str, max_keys: int) -> Page:
    """Return the keys, and the prefixes that they have in common, behind `after`.

    Raises:
        NoSuchBucket: there is no such bucket.
    """
    infos: list[ObjectInfo] = []
    prefixes: list[str] = []
    last = ""
    walk = objects.walk(uri, after=after)
    for key, entry in walk:
        if max_keys == 0:
            break
        common = _common(key, len(uri.key), delimiter)
        if common is not None and common in (after, prefixes[-1] if prefixes else None):
            walk.skip(common)
            continue
        if len(infos) + len(prefixes) == max_keys:
            return Page(infos=infos, prefixes=prefixes, last=last)
        if common is not None:
            prefixes.append(common)
            walk.skip(common)
            last = common
        elif (info := info_of_entry(key, entry)) is not None:
            infos.append(info)
            last = key
    return Page(infos=infos, prefixes=prefixes, last=None)


async def list_objects_v2(call: Call) -> Answer:
    """Answer with a page of keys, and a token for the next."""
    query = call.query
    start, token = query.get("start-after", ""), query.get("continuation-token")
    request = _Request(call, after=continued(token) if token else start)
    page, stored = await request.read()
    content = request.head()
    if start:
        content.append(("StartAfter", request.written(start)))
    if token:
        content.append(("ContinuationToken", token))
    if page.last is not None:
        content.append(("NextContinuationToken", continuation(page.last)))
    content.append(("KeyCount", len(page.infos) + len(page.prefixes)))
    with_owner = query.get("fetch-owner", "false").lower() == "true"
    content += request.body(page, stored, with_owner=with_owner)
    return xml_answer("ListBucketResult", content)


async def list_objects(call: Call) -> Answer:
    """Answer with a page of keys; the next begins behind its last."""
    marker = call.query.get("marker", "")
    request = _Request(call, after=marker)
    page, stored = await request.read()
    content = request.head()
    content.append(("Marker", request.written(marker)))
    if page.last is not None:
        content.append(("NextMarker", request.written(page.last)))
    content += request.body(page, stored, with_owner=True)
    return xml_answer("ListBucketResult", content)


class _Request:
    """What both versions ask, and answer with."""

    def __init__(self, call: Call, *, after: str) -> None:
        self._call = call
        self._after = after
        self._prefix = call.query.get("prefix", "")
        self._delimiter = call.query.get("delimiter", "")
        self._max_keys = number(call.query, "max-keys", default=MAX_KEYS, most=MAX_KEYS)
        encoding = call.query.get("encoding-type")
        if encoding not in (None, "url"):
            raise invalid_argument("encoding-type", encoding, "only 'url' is known")
        self._is_encoded = encoding == "url"
        self.written: Callable[[str], str] = _url_encoded if self._is_encoded else str

    async def read(self) -> tuple[Page, list[StoredObject]]:
        return await self._call.run(self._read)

    def _read(self) -> tuple[Page, list[StoredObject]]:
        objects = self._call.shelf.objects
        page = page_of(
            objects.objects,
            S3Uri(self._call.bucket, self._prefix),
            delimiter=self._delimiter,
            after=self._after,
            max_keys=self._max_keys,
        )
        return page, objects.recorded(self._call.bucket, page.infos)

    def head(self) -> list[Element]:
        content: list[Element] = [
            ("Name", self._call.bucket),
            ("Prefix", self.written(self._prefix)),
            ("MaxKeys", self._max_keys),
        ]
        if self._delimiter:
            content.append(("Delimiter", self.written(self._delimiter)))
        if self._is_encoded:
            content.append(("EncodingType", "url"))
        return content

    def body(self, page: Page, stored: list[StoredObject], *, with_owner: bool) -> list[Element]:
        extra: list[Element] = [("Owner", owner(self._call))] if with_owner else []
        content: list[Element] = [("IsTruncated", page.last is not None)]
        content += [("Contents", [*self._object(each), *extra]) for each in stored]
        content += [
            ("CommonPrefixes", [("Prefix", self.written(prefix))]) for prefix in page.prefixes
        ]
        return content

    def _object(self, stored: StoredObject) -> list[Element]:
        sums: list[Element] = [
            ("ChecksumAlgorithm", name.upper()) for name in stored.record.checksums
        ]
        if sums:
            sums.append(("ChecksumType", stored.record.checksum_type))
        return [
            ("Key", self.written(stored.info.key)),
            ("LastModified", timestamp(stored.info.modified)),
            ("ETag", f'"{stored.etag}"'),
            *sums,
            ("Size", stored.info.size),
            ("StorageClass", "STANDARD"),
        ]


def _common(key: str, prefix_length: int, delimiter: str) -> str | None:
    if not delimiter:
        return None
    at = key.find(delimiter, prefix_length)
    return None if at < 0 else key[: at + len(delimiter)]


def _url_encoded(text: str) -> str:
    return quote(text, safe="/")
