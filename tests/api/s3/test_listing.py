from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.api.s3.listing import page_of
from modelyard.store.errors import KeyConflict
from modelyard.store.objects import ObjectStores
from modelyard.store.s3_uris import S3Uri, key_problem
from tests.api.s3.raw import request
from tests.api.s3.world import World

#: Few characters, so that keys meet: one is another's folder, or its neighbour.
KEYS = st.text("ab-/", min_size=1, max_size=6).filter(lambda key: key_problem(key) is None)


@pytest.fixture
def letters(world: World, bucket: str) -> str:
    """A bucket with keys that are hard to put in order, and to spell."""
    for key in ("a", "b c/1", "b c/2", "b-1", "b.1", "b/1", "ü&<>/1", "z"):
        world.objects.put_bytes(S3Uri(bucket, key), key.encode())
    return bucket


ALL = ["a", "b c/1", "b c/2", "b-1", "b.1", "b/1", "z", "ü&<>/1"]


def test_keys_are_listed_in_the_order_of_their_bytes(s3: Any, letters: str) -> None:
    answer = s3.list_objects_v2(Bucket=letters)
    assert [each["Key"] for each in answer["Contents"]] == ALL
    assert (answer["KeyCount"], answer["IsTruncated"]) == (len(ALL), False)
    assert [each["Key"] for each in s3.list_objects(Bucket=letters)["Contents"]] == ALL


def test_a_listing_is_bounded_by_a_prefix_and_a_start(s3: Any, letters: str) -> None:
    answer = s3.list_objects_v2(Bucket=letters, Prefix="b", StartAfter="b c/1")
    assert [each["Key"] for each in answer["Contents"]] == ["b c/2", "b-1", "b.1", "b/1"]
    assert (answer["Prefix"], answer["StartAfter"]) == ("b", "b c/1")
    assert "Contents" not in s3.list_objects_v2(Bucket=letters, Prefix="none")
    assert "Contents" not in s3.list_objects_v2(Bucket=letters, Prefix="../")


def test_keys_are_rolled_up_at_a_delimiter(s3: Any, letters: str) -> None:
    answer = s3.list_objects_v2(Bucket=letters, Delimiter="/")
    assert [each["Key"] for each in answer["Contents"]] == ["a", "b-1", "b.1", "z"]
    assert [each["Prefix"] for each in answer["CommonPrefixes"]] == ["b c/", "b/", "ü&<>/"]
    other = s3.list_objects_v2(Bucket=letters, Delimiter="-", Prefix="b")
    assert [each["Prefix"] for each in other["CommonPrefixes"]] == ["b-"]


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("delimiter", ["", "/"])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_make_the_whole(
    s3: Any, letters: str, operation: str, delimiter: str, size: int
) -> None:
    pages = s3.get_paginator(operation).paginate(
        Bucket=letters, Delimiter=delimiter, PaginationConfig={"PageSize": size}
    )
    keys, prefixes = [], []
    for page in pages:
        keys += [each["Key"] for each in page.get("Contents", [])]
        prefixes += [each["Prefix"] for each in page.get("CommonPrefixes", [])]
        assert len(page.get("Contents", [])) + len(page.get("CommonPrefixes", [])) <= size
    if delimiter:
        assert (keys, prefixes) == (["a", "b-1", "b.1", "z"], ["b c/", "b/", "ü&<>/"])
    else:
        assert (keys, prefixes) == (ALL, [])


def test_keys_are_written_as_the_client_asks(world: World, letters: str) -> None:
    def keys(query: str) -> list[str | None]:
        tree = ElementTree.fromstring(request(world, "GET", f"/{letters}?{query}").body)
        return [element.text for element in tree.iter(f"{{{NAMESPACE}}}Key")]

    assert keys("list-type=2") == ALL
    assert keys("list-type=2&encoding-type=url")[1:3] == ["b%20c/1", "b%20c/2"]


NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


def test_owners_are_told_when_asked_for(s3: Any, letters: str) -> None:
    assert "Owner" not in s3.list_objects_v2(Bucket=letters)["Contents"][0]
    assert s3.list_objects_v2(Bucket=letters, FetchOwner=True)["Contents"][0]["Owner"]["ID"]
    assert s3.list_objects(Bucket=letters)["Contents"][0]["Owner"]["ID"]


@pytest.mark.parametrize(
    "query",
    [
        "list-type=2&max-keys=x",
        "list-type=2&max-keys=-1",
        "list-type=2&continuation-token=nonsense!",
        "list-type=2&continuation-token=AAAA",
        "encoding-type=xml",
    ],
)
def test_a_listing_that_makes_no_sense_is_refused(world: World, bucket: str, query: str) -> None:
    assert request(world, "GET", f"/{bucket}?{query}").code == "InvalidArgument"


def test_a_listing_may_ask_for_nothing(s3: Any, letters: str) -> None:
    answer = s3.list_objects_v2(Bucket=letters, MaxKeys=0)
    assert (answer["KeyCount"], answer["IsTruncated"]) == (0, False)


def test_no_bucket_has_no_listing(s3: Any) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.list_objects_v2(Bucket="no-such-bucket")


@settings(max_examples=60)
@given(
    wanted=st.sets(KEYS, max_size=8),
    prefix=st.text("ab-/", max_size=3),
    delimiter=st.sampled_from(["", "/", "-", "b", "a/"]),
    max_keys=st.integers(1, 4),
)
def test_pages_are_what_the_definition_says(
    wanted: set[str],
    prefix: str,
    delimiter: str,
    max_keys: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    objects = ObjectStores(tmp_path_factory.mktemp("o")).of("123456789012")
    objects.create_bucket("data")
    stored = set()
    for key in sorted(wanted):
        try:
            objects.put_bytes(S3Uri("data", key), b"")
            stored.add(key)
        except KeyConflict:
            continue
    found: list[str] = []
    last: str | None = ""
    while last is not None:
        page = page_of(
            objects, S3Uri("data", prefix), delimiter=delimiter, after=last, max_keys=max_keys
        )
        here = sorted([*(info.key for info in page.infos), *page.prefixes])
        assert len(here) <= max_keys
        assert page.last is None or page.last == here[-1]
        found += here
        last = page.last
    rolled = set()
    for key in stored:
        if key.startswith(prefix):
            at = key.find(delimiter, len(prefix)) if delimiter else -1
            rolled.add(key if at < 0 else key[: at + len(delimiter)])
    assert found == sorted(rolled)
