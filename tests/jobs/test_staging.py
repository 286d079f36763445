"""Channels of every kind become the files that they should, or an error in words."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from modelyard.jobs.data_error import DataError
from modelyard.jobs.staging import Interrupted, Staging
from modelyard.store.objects import Objects, S3Uri
from modelyard.training.spec import Channel
from tests.training.world import BUCKET, channel


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    objects = Objects(tmp_path / "objects")
    objects.create_bucket(BUCKET)
    return objects


def put(objects: Objects, *keys: str, data: bytes = b"x") -> None:
    for key in keys:
        objects.put_bytes(S3Uri(BUCKET, key), data)


def stage(objects: Objects, tmp_path: Path, hosts: int = 1, **members: Any) -> list[list[str]]:
    """Return the names of the files that each host gets."""
    folders = [tmp_path / f"host-{number}" for number in range(hosts)]
    for folder in folders:
        folder.mkdir()
    staging = Staging(objects, volume_gib=1, interrupted=lambda: False)
    staging.stage(Channel.of(channel(**members)).source, folders)
    return [
        sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        for folder in folders
    ]


@pytest.mark.parametrize(
    ("uri", "names"),
    [
        ("train/", ["a.csv", "deep/b.csv"]),
        ("train", ["train.csv", "train/a.csv", "train/deep/b.csv"]),
        ("train/deep", ["b.csv"]),
        ("train/a.csv", ["a.csv"]),
        ("tr", ["train.csv", "train/a.csv", "train/deep/b.csv"]),
        ("", ["other/c.csv", "train.csv", "train/a.csv", "train/deep/b.csv"]),
    ],
)
def test_a_prefix_names_folders_files_and_the_beginnings_of_both(
    objects: Objects, tmp_path: Path, uri: str, names: list[str]
) -> None:
    put(objects, "train/a.csv", "train/deep/b.csv", "train.csv", "other/c.csv")
    assert stage(objects, tmp_path, uri=f"s3://{BUCKET}/{uri}") == [names]


def test_nothing_is_copied_and_what_was_staged_stays_as_it_was(
    objects: Objects, tmp_path: Path
) -> None:
    put(objects, "train/a", data=b"old")
    stage(objects, tmp_path)
    staged = tmp_path / "host-0" / "a"
    source = objects.path_of(S3Uri(BUCKET, "train/a"))
    assert source is not None
    assert staged.stat().st_ino == source.stat().st_ino
    put(objects, "train/a", data=b"new")
    assert staged.read_bytes() == b"old"


def test_each_host_gets_all_or_its_share(objects: Objects, tmp_path: Path) -> None:
    put(objects, *(f"train/{number}" for number in range(5)))
    (tmp_path / "all").mkdir()
    assert stage(objects, tmp_path / "all", hosts=2) == [list("01234")] * 2
    shares = stage(objects, tmp_path, hosts=3, S3DataDistributionType="ShardedByS3Key")
    assert shares == [["0", "3"], ["1", "4"], ["2"]]


def test_a_shuffled_channel_is_shared_out_in_another_order_the_same_each_time(
    objects: Objects, tmp_path: Path
) -> None:
    put(objects, *(f"train/{number}" for number in range(8)))
    shares = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        sharded = {"S3DataDistributionType": "ShardedByS3Key", "ShuffleConfig": {"Seed": 7}}
        shares.append(stage(objects, tmp_path / name, hosts=2, **sharded))
    assert shares[0] == shares[1] != [list("0246"), list("1357")]
    assert sorted([*shares[0][0], *shares[0][1]]) == list("01234567")


def test_a_manifest_lists_its_objects(objects: Objects, tmp_path: Path) -> None:
    put(objects, "data/a.csv", "data/deep/b.csv", "data/c.csv")
    manifest = [{"prefix": f"s3://{BUCKET}/data/"}, "deep/b.csv", "a.csv"]
    put(objects, "manifest", data=json.dumps(manifest).encode())
    uri = f"s3://{BUCKET}/manifest"
    names = stage(objects, tmp_path, S3DataType="ManifestFile", uri=uri)
    assert names == [["a.csv", "deep/b.csv"]]


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        (b"not json", "cannot be read"),
        (b"\xff", "cannot be read"),
        (b"{}", 'must be \\[{"prefix"'),
        (b"[]", 'must be \\[{"prefix"'),
        (b'["a.csv"]', 'must be \\[{"prefix"'),
        (b'[{"prefix": 1}, "a"]', 'must be \\[{"prefix"'),
        (b'[{"prefix": "s3://bucket/data/"}]', "lists no objects"),
        (b'[{"prefix": "s3://bucket/data/"}, "missing.csv"]', "no such object"),
        (b'[{"prefix": "s3://bucket/data/"}, "../../x"]', r"lists '\.\./\.\./x'"),
        (b'[{"prefix": "s3://bucket/data/"}, "/etc/passwd"]', "lists '/etc/passwd'"),
        (b'[{"prefix": "s3://bucket/data/"}, 7]', "lists 7: it is no text"),
        (b'[{"prefix": "file:///etc/"}, "passwd"]', "not an S3 URI"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused_in_words(
    objects: Objects, tmp_path: Path, manifest: bytes, says: str
) -> None:
    put(objects, "data/a.csv")
    put(objects, "manifest", data=manifest)
    with pytest.raises(DataError, match=says):
        stage(objects, tmp_path, S3DataType="ManifestFile", uri=f"s3://{BUCKET}/manifest")


def test_gzipped_objects_are_unpacked(objects: Objects, tmp_path: Path) -> None:
    put(objects, "train/a.csv.gz", "train/b", data=gzip.compress(b"1,2\n") + gzip.compress(b"3\n"))
    assert stage(objects, tmp_path, CompressionType="Gzip") == [["a.csv", "b"]]
    assert (tmp_path / "host-0" / "a.csv").read_bytes() == b"1,2\n3\n"


@pytest.mark.parametrize("data", [b"1,2\n", gzip.compress(b"x" * 999)[:-9], b""])
def test_an_object_that_is_not_gzipped_is_refused(
    objects: Objects, tmp_path: Path, data: bytes
) -> None:
    put(objects, "train/a.gz", data=data)
    if data == b"":
        # gzip takes nothing for the packed form of nothing.
        assert stage(objects, tmp_path, CompressionType="Gzip") == [["a"]]
        return
    with pytest.raises(DataError, match="is not gzipped, or damaged"):
        stage(objects, tmp_path, CompressionType="Gzip")


def test_two_objects_that_would_become_one_file_are_refused(
    objects: Objects, tmp_path: Path
) -> None:
    put(objects, "train/a.csv", "train/a.csv.gz", data=gzip.compress(b"x"))
    with pytest.raises(DataError, match=r"would both become 'a\.csv'"):
        stage(objects, tmp_path, CompressionType="Gzip")


def test_a_gzipped_channel_cannot_grow_beyond_its_volume(objects: Objects, tmp_path: Path) -> None:
    packed = gzip.compress(b"\0" * 2**20, 1)
    put(objects, "train/a", data=packed)
    staging = Staging(objects, volume_gib=0, interrupted=lambda: False)
    with pytest.raises(DataError, match=r"raise ResourceConfig\.VolumeSizeInGB"):
        staging.stage(Channel.of(channel(CompressionType="Gzip")).source, [tmp_path])


def test_staging_can_be_interrupted(objects: Objects, tmp_path: Path) -> None:
    put(objects, "train/a")
    staging = Staging(objects, volume_gib=1, interrupted=lambda: True)
    with pytest.raises(Interrupted):
        staging.stage(Channel.of(channel()).source, [tmp_path])


def test_where_links_cannot_be_made_files_are_copied(
    objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(objects, "train/a", data=b"data")

    def no_links(*_: object, **__: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", no_links)
    assert stage(objects, tmp_path) == [["a"]]
    assert (tmp_path / "host-0" / "a").read_bytes() == b"data"


MANIFEST = b"""
{"picture-ref": "s3://bucket/pictures/1", "label": "cat", "more": 1}
{"picture-ref": "s3://bucket/pictures/2", "label": {"x": 3}}
{"picture-ref": "s3://bucket/pictures/1", "label": 4}
"""


def augmented(**members: Any) -> dict[str, Any]:
    kind = {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["label", "picture-ref"]}
    return {"uri": f"s3://{BUCKET}/m", **kind, **members}


def test_an_augmented_manifest_becomes_its_values_and_what_they_refer_to(
    objects: Objects, tmp_path: Path
) -> None:
    put(objects, "m", data=MANIFEST)
    put(objects, "pictures/1", "pictures/2")
    names = ["manifest.jsonl", "objects/0", "objects/1"]
    assert stage(objects, tmp_path, **augmented()) == [names]
    lines = (tmp_path / "host-0" / "manifest.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        [{"text": "cat"}, {"object": "objects/0"}],
        [{"text": '{"x": 3}'}, {"object": "objects/1"}],
        [{"text": "4"}, {"object": "objects/0"}],
    ]


def test_a_sharded_augmented_manifest_is_shared_out_by_its_records(
    objects: Objects, tmp_path: Path
) -> None:
    put(objects, "m", data=MANIFEST)
    put(objects, "pictures/1", "pictures/2")
    stage(objects, tmp_path, hosts=2, **augmented(S3DataDistributionType="ShardedByS3Key"))
    counts = [
        len((tmp_path / f"host-{number}" / "manifest.jsonl").read_text().splitlines())
        for number in range(2)
    ]
    assert counts == [2, 1]


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        (b"", "has no records"),
        (b"[1]", "line 1 .* must be a JSON object"),
        (b"\n{", "line 2 .* is not JSON"),
        (b'{"label": 1}', "lacks picture-ref; it has label"),
        (b'{"label": 1, "picture-ref": "file:///etc/passwd"}', "picture-ref: "),
        (b'{"label": 1, "picture-ref": "s3://bucket/none"}', "s3://bucket/none was deleted"),
    ],
)
def test_an_augmented_manifest_that_is_wrong_is_refused_by_its_line(
    objects: Objects, tmp_path: Path, manifest: bytes, says: str
) -> None:
    put(objects, "m", data=manifest)
    with pytest.raises(DataError, match=says):
        stage(objects, tmp_path, **augmented())
