from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from modelyard.images.training.channels import Channel, Inputs, channels, files, read
from modelyard.images.training.content_types import FORMATS, Format
from modelyard.images.training.errors import ClientError
from modelyard.images.training.readers import Reading
from modelyard.images.xgboost.labels import rule_for
from tests.images.training.readers.framing import record

READING = Reading(rule=rule_for("reg:squarederror", num_class=1, metrics=()))
INPUTS = Inputs(channels=("train", "validation"), content_types=FORMATS, default="libsvm")


def folder_with(base: Path, contents: Mapping[str, bytes]) -> Path:
    for key, content in contents.items():
        (base / key).parent.mkdir(parents=True, exist_ok=True)
        (base / key).write_bytes(content)
    return base


def channel(folder: Path, format: Format = "csv") -> Channel:
    return Channel(name="train", format=format, folder=folder)


def configured(**inputs: dict[str, Any]) -> dict[str, Channel]:
    return channels(inputs, lambda name: Path("/data") / name, INPUTS)


def test_files_are_read_recursively_in_the_order_of_their_keys(tmp_path: Path) -> None:
    names = ["b.csv", "a/z.csv", "a/b/c.csv", "a-1.csv", "Z.csv", "ä.csv"]
    folder = folder_with(tmp_path, dict.fromkeys(names, b"1,2\n"))
    assert [key for key, _ in files(folder)] == sorted(names, key=str.encode)


def test_notes_of_other_programs_are_passed_over(tmp_path: Path) -> None:
    names = ["_SUCCESS", ".hidden", "_temporary/part", "a/.crc", "data"]
    folder = folder_with(tmp_path, dict.fromkeys(names, b"1,2\n"))
    assert [key for key, _ in files(folder)] == ["data"]


def test_several_files_make_one_table(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, {"b": b"2,1\n3,1\n", "a": b"1,1\n"})
    table = read(channel(folder), READING)
    assert [part.labels.tolist() for part in table.parts] == [[1], [2, 3]]
    assert (table.height, table.width, table.sparse) == (3, 1, False)


@pytest.mark.parametrize(
    ("format", "contents", "words"),
    [
        ("csv", {}, "channel 'train' has no files"),
        ("csv", {"_SUCCESS": b""}, "channel 'train' has no files"),
        ("csv", {"a": b"1,2\n", "b": b""}, "file 'b': the file is empty"),
        ("csv", {"a": b"1,2\n", "b": b"1,2,3\n"}, "file 'b': 2 features, where 'a' has 1"),
        ("libsvm", {"a": b"1 qid:1 0:1\n", "b": b"1 0:1\n"}, "file 'b': every row of all files"),
        (
            "recordio-protobuf",
            {"a": record([1, 2]), "b": record([1], keys=[0])},
            "file 'b': some records are sparse, some (in 'a') are dense",
        ),
    ],
)
def test_files_that_make_no_table_are_refused(
    tmp_path: Path, format: Format, contents: dict[str, bytes], words: str
) -> None:
    with pytest.raises(ClientError) as caught:
        read(channel(folder_with(tmp_path, contents), format), READING)
    assert words in str(caught.value)


def test_the_default_content_type_is_libsvm() -> None:
    assert configured(train={})["train"].format == "libsvm"


def test_validation_has_the_content_type_of_train_unless_it_has_its_own() -> None:
    found = configured(train={"ContentType": "text/csv"}, validation={})
    assert found["validation"].format == "csv"
    own = {"ContentType": "application/x-parquet"}
    found = configured(train={"ContentType": "text/csv"}, validation=own)
    assert found["validation"].format == "parquet"


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, ["there is no channel 'train', which is required"]),
        ({"trian": {}}, ["no channel 'train'", "'trian' must be one of", "did you mean train?"]),
        ({"train": {}, "code": {}}, ["channel 'code' asks for script mode"]),
        ({"train": {"TrainingInputMode": "Pipe"}}, ["its stream cannot be read"]),
        (
            {"train": {"ContentType": "text/plain"}, "validation": {"ContentType": "x"}},
            ["channel 'train': ContentType 'text/plain'", "channel 'validation': ContentType 'x'"],
        ),
    ],
)
def test_all_that_is_wrong_with_channels_is_named(
    inputs: dict[str, dict[str, Any]], words: list[str]
) -> None:
    with pytest.raises(ClientError) as caught:
        configured(**inputs)
    assert [word for word in words if word not in str(caught.value)] == []
