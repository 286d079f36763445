from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.store.s3_uris import S3Uri, bucket_problem, key_problem


@pytest.mark.parametrize(
    ("text", "bucket", "key"),
    [
        ("s3://bucket/key", "bucket", "key"),
        ("s3://my.bucket-1/a/b c/ü%2F.csv", "my.bucket-1", "a/b c/ü%2F.csv"),
        ("s3://bucket/prefix/", "bucket", "prefix/"),
        ("s3://bucket/", "bucket", ""),
        ("s3://bucket", "bucket", ""),
        ("s3://bucket/..a/b..", "bucket", "..a/b.."),
    ],
)
def test_a_uri_is_a_bucket_and_a_key(text: str, bucket: str, key: str) -> None:
    assert S3Uri.parse(text) == S3Uri(bucket, key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bucket/key",
        "S3://bucket/key",
        "https://bucket/key",
        "s3:/bucket/key",
        "s3:///key",
        "s3://B/key",
        "s3://../key",
        "s3://.modelyard/key",
        "s3://bucket/../other/key",
        "s3://bucket/a/..",
        "s3://bucket/a/../b",
        "s3://bucket/./b",
        "s3://bucket/.",
        "s3://bucket//key",
        "s3://bucket/a//b",
        "s3://bucket/a\x00b",
        "s3://bucket/a\nb",
        "s3://bucket/\ud800",
        "s3://bucket/" + "k" * 256,
        "s3://bucket/" + "k/" * 600,
    ],
)
def test_a_uri_that_names_nothing_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="S3 URI") as caught:
        S3Uri.parse(text)
    assert repr(text) in str(caught.value)


@given(st.from_regex(r"[a-z0-9]{3,8}", fullmatch=True), st.text(max_size=12))
def test_what_parses_is_written_as_it_was_read(bucket: str, key: str) -> None:
    text = f"s3://{bucket}/{key}"
    try:
        uri = S3Uri.parse(text)
    except ValueError:
        return
    assert str(uri) == text
    assert S3Uri.parse(str(uri)) == uri


@pytest.mark.parametrize("prefix", ["s3://bucket/a/b", "s3://bucket/a/b/"])
def test_a_child_lies_below_its_prefix(prefix: str) -> None:
    assert str(S3Uri.parse(prefix).child("c", "d")) == "s3://bucket/a/b/c/d"
    assert str(S3Uri("bucket", "").child("c")) == "s3://bucket/c"


@pytest.mark.parametrize("name", ["abc", "a-b", "1.2.3", "a" * 63, "my.bucket.name"])
def test_a_bucket_may_have_such_a_name(name: str) -> None:
    assert bucket_problem(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ab",
        "Abc",
        "a_b",
        "-ab",
        "ab-",
        ".ab",
        "a..b",
        "1.2.3.4",
        "xn--abc",
        "abc-s3alias",
        "a/b",
        "abc\n",
        "äbc",
    ],
)
def test_a_bucket_may_not_have_such_a_name(name: str) -> None:
    assert bucket_problem(name) is not None


@pytest.mark.parametrize("key", ["a", "a/b", ".a", "a b", "a%b", "#x", "h#1x", "a:b", "?", "‛／␀"])
def test_an_object_may_have_such_a_key(key: str) -> None:
    assert key_problem(key) is None


@pytest.mark.parametrize("key", ["", "a/", "/a", "a//b", ".", "a/..", "h#1", "c:", "c|", "\x7f"])
def test_an_object_may_not_have_such_a_key(key: str) -> None:
    assert key_problem(key) is not None
