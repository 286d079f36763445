"""Tables as they are brought along."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from modelyard.images.autopilot import tables
from modelyard.images.training.channels import Channel
from modelyard.images.training.errors import ClientError
from tests.images.autopilot.toys import channel, table


def test_every_value_is_text_and_what_stands_for_nothing_is_missing(tmp_path: Path) -> None:
    found = table(tmp_path, 'a,b\n 1 ,"x, y"\nNA,?\n,None\n007,nan\n')
    assert found["a"].to_list() == ["1", None, None, "007"]
    assert found["b"].to_list() == ["x, y", None, None, None]


def test_all_files_of_a_channel_are_one_table_in_the_order_of_their_names(tmp_path: Path) -> None:
    found = tables.read(channel(tmp_path, b="a\n3\n", a="a\n1\n2\n"))
    assert found["a"].to_list() == ["1", "2", "3"]


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    assert table(tmp_path, "\ufeffa,b\n1,2\n").columns == ["a", "b"]


def test_parquet_is_read_as_texts(tmp_path: Path) -> None:
    folder = tmp_path / "train"
    folder.mkdir()
    frame = pl.DataFrame({"n": [1, None, 3], "f": [0.5, 1.5, None], "b": [True, False, None]})
    frame.write_parquet(folder / "part.parquet")
    found = tables.read(Channel(name="train", format="parquet", folder=folder))
    assert found["n"].to_list() == ["1", None, "3"]
    assert found["b"].to_list() == ["true", "false", None]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "channel 'train' has no data"),
        ({"a": ""}, "channel 'train' has no data"),
        ({"a": "x,y\n"}, "has a header, and no rows below it"),
        ({"a": "x,x\n1,2\n"}, "two columns are called 'x'"),
        ({"a": "x,\n1,2\n"}, "column 2 has no name"),
        ({"a": "x,y\n1,2\n", "b": "y,x\n1,2\n"}, "the header of b.csv is not that of a.csv"),
        ({"a": "x,y\n1,2\n1,2,3\n"}, "a.csv is not a CSV that can be read"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, files: dict[str, str], said: str) -> None:
    with pytest.raises(ClientError, match=said):
        tables.read(channel(tmp_path, **files))
