"""`s3://bucket/key`: what a bucket and a key may be called here.

Keys are files below a folder, so some that Amazon's S3 takes have no place here and are refused,
by one rule for all: what could leave the folder (`..`), what a file system cannot tell apart
(`a//b`, `a/`), what XML and some clients cannot spell (control characters, a last segment that ends
in `#1` or `c:`), and segments longer than a file name. Everything else is stored under its own
name.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

MAX_KEY_BYTES = 1024
MAX_SEGMENT_BYTES = 255

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+")
_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_UNREADABLE_END = re.compile(r"#[0-9]+\Z|[A-Za-z][:|]\Z")


def bucket_problem(name: str) -> str | None:
    """Return why `name` cannot name a bucket, or None when it can."""
    if not _BUCKET.fullmatch(name):
        return (
            "a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens, with a"
            " letter or digit at both ends"
        )
    if ".." in name or _ADDRESS.fullmatch(name):
        return "a bucket's name has no two dots in a row and is no IP address"
    if name.startswith(("xn--", "sthree-")) or name.endswith(("-s3alias", "--ol-s3")):
        return "xn--, sthree-, -s3alias and --ol-s3 are reserved"
    return None


def prefix_problem(prefix: str) -> str | None:
    """Return why no key can begin with `prefix`, or None when one can; empty ones can."""
    if _CONTROL.search(prefix):
        return "a key has no control characters"
    if len(prefix.encode()) > MAX_KEY_BYTES:
        return f"a key has at most {MAX_KEY_BYTES} bytes"
    *folders, last = prefix.split("/")
    if "" in folders:
        return "a key has no empty path segments (two slashes in a row, or one at the beginning)"
    if not {".", ".."}.isdisjoint(folders):
        return "a key has no path segments '.' or '..'"
    if any(len(segment.encode()) > MAX_SEGMENT_BYTES for segment in (*folders, last)):
        return f"each path segment of a key has at most {MAX_SEGMENT_BYTES} bytes"
    return None


def key_problem(key: str) -> str | None:
    """Return why `key` cannot name an object, or None when it can."""
    problem = prefix_problem(key)
    if problem is not None:
        return problem
    last = key.rpartition("/")[2]
    if not last:
        return "a key is not empty and does not end in a slash: folders need no marker here"
    if last in {".", ".."}:
        return "a key has no path segments '.' or '..'"
    if _UNREADABLE_END.search(last):
        return "a key does not end in # and digits, nor in a letter and a colon or bar"
    return None


@dataclass(frozen=True, order=True)
class S3Uri:
    """An object, or with a key that is empty or ends in a slash, all that begins so."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the bucket and key of `s3://bucket/key`, `s3://bucket/prefix/` or `s3://bucket`.

        Nothing is decoded: what stands in the text is the key.

        Raises:
            ValueError: `text` is not one of these, or breaks a rule on names.
        """
        if not text.startswith("s3://"):
            raise ValueError(f"{text!r} is not an S3 URI (s3://bucket/key)")
        bucket, _, key = text[len("s3://") :].partition("/")
        problem = bucket_problem(bucket) or prefix_problem(key)
        if problem is None and key.rpartition("/")[2] in {".", ".."}:
            problem = "a key has no path segments '.' or '..'"
        if problem is not None:
            raise ValueError(f"{text!r} is not an S3 URI that can be used: {problem}")
        return cls(bucket, key)

    def child(self, *segments: str) -> S3Uri:
        """Return the URI of what lies below this prefix: `s3://b/p` and `x` make `s3://b/p/x`."""
        head = self.key.removesuffix("/")
        return S3Uri(self.bucket, "/".join((head, *segments) if head else segments))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def common_folder(keys: Collection[str]) -> str:
    """Return the longest beginning, up to a slash, that all keys have; of no keys, none."""
    if not keys:
        return ""
    first, last = min(keys), max(keys)
    same = 0
    while same < min(len(first), len(last)) and first[same] == last[same]:
        same += 1
    return first[: first.rfind("/", 0, same) + 1]
