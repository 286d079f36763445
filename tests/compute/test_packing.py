"""What a job left is packed the same way each time, and no link in it is believed."""

from __future__ import annotations

import os
import socket
import tarfile
from pathlib import Path

import pytest

from modelyard.compute.archives import extract
from modelyard.compute.job_files import read_text, remove_links, walk
from modelyard.compute.packing import pack


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A job's folder beside the server's secret."""
    (tmp_path / "credentials").write_text("secret")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "credentials").write_text("secret")
    base = tmp_path / "job"
    (base / "model" / "code").mkdir(parents=True)
    (base / "model" / "xgboost-model").write_bytes(b"model")
    (base / "model" / "code" / "inference.py").write_text("x = 1")
    (base / "model" / "code" / "inference.py").chmod(0o755)
    return base


def names(archive: Path) -> list[str]:
    with tarfile.open(archive) as tar:
        return tar.getnames()


def test_what_is_packed_comes_out_again(job: Path, tmp_path: Path) -> None:
    packed = pack([job], "model", tmp_path / "model.tar.gz")
    extract(tmp_path / "model.tar.gz", tmp_path / "out", max_files=10, max_bytes=1000)
    assert (packed.files, packed.bytes, packed.left_out) == (2, 10, [])
    assert (tmp_path / "out" / "xgboost-model").read_bytes() == b"model"
    assert os.access(tmp_path / "out" / "code" / "inference.py", os.X_OK)


def test_the_same_files_make_the_same_bytes(job: Path, tmp_path: Path) -> None:
    pack([job], "model", tmp_path / "first")
    os.utime(job / "model" / "xgboost-model", (1, 1))
    (job / "model" / "code").rename(job / "model" / "other")
    (job / "model" / "other").rename(job / "model" / "code")
    pack([job], "model", tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_a_folder_that_is_not_there_makes_an_empty_archive(job: Path, tmp_path: Path) -> None:
    assert pack([job], "output/data", tmp_path / "a").files == 0
    assert names(tmp_path / "a") == []


def test_links_out_of_the_job_are_left_out_and_named(job: Path, tmp_path: Path) -> None:
    (job / "model" / "file").symlink_to(tmp_path / "credentials")
    (job / "model" / "relative").symlink_to("../../credentials")
    (job / "model" / "folder").symlink_to(tmp_path / "home")
    (job / "model" / "self").symlink_to(".")
    (job / "model" / "dangling").symlink_to("nowhere")
    os.mkfifo(job / "model" / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(job / "model" / "socket"))
        packed = pack([job], "model", tmp_path / "a")
    assert sorted(names(tmp_path / "a")) == ["code/inference.py", "xgboost-model"]
    assert sorted(packed.left_out) == sorted(
        ["file", "relative", "folder", "self", "dangling", "pipe", "socket"]
    )


def test_links_to_files_of_the_job_come_as_those_files(job: Path, tmp_path: Path) -> None:
    (job / "model" / "latest").symlink_to("xgboost-model")
    (job / "model" / "code" / "as-seen").symlink_to("/opt/ml/model/xgboost-model")
    assert pack([job], "model", tmp_path / "model.tar.gz").left_out == []
    extract(tmp_path / "model.tar.gz", tmp_path / "out", max_files=10, max_bytes=1000)
    assert (tmp_path / "out" / "latest").read_bytes() == b"model"
    assert (tmp_path / "out" / "code" / "as-seen").read_bytes() == b"model"


def test_a_folder_that_the_job_made_a_link_is_not_followed(job: Path, tmp_path: Path) -> None:
    (job / "output").symlink_to(tmp_path / "home")
    (job / "checkpoints").symlink_to(tmp_path / "home")
    assert list(walk(job, "output")) == []
    assert list(walk(job, "checkpoints")) == []
    assert read_text(job, "output/credentials", max_bytes=100) is None


def test_text_is_read_to_a_limit_and_only_from_a_regular_file(job: Path, tmp_path: Path) -> None:
    (job / "output").mkdir()
    (job / "output" / "failure").write_bytes(b"abc\xffdef" * 1000)
    assert read_text(job, "output/failure", max_bytes=5) == "abc�d"
    assert read_text(job, "output/nothing", max_bytes=5) is None
    assert read_text(job, "../credentials", max_bytes=5) is None
    (job / "output" / "link").symlink_to(tmp_path / "credentials")
    assert read_text(job, "output/link", max_bytes=5) is None
    os.mkfifo(job / "output" / "pipe")
    assert read_text(job, "output/pipe", max_bytes=5) is None


def test_of_two_hosts_files_of_one_name_the_first_hosts_is_packed(
    job: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    (other / "model").mkdir(parents=True)
    (other / "model" / "xgboost-model").write_bytes(b"another")
    (other / "model" / "part-2").write_bytes(b"2")
    packed = pack([job, other], "model", tmp_path / "a")
    assert names(tmp_path / "a") == ["xgboost-model", "code/inference.py", "part-2"]
    assert packed.left_out == ["xgboost-model"]


def test_links_are_removed_so_that_a_folder_can_be_written_to(job: Path, tmp_path: Path) -> None:
    (job / "model" / "folder").symlink_to(tmp_path / "home")
    (job / "model" / "code" / "file").symlink_to(tmp_path / "credentials")
    os.mkfifo(job / "model" / "pipe")
    remove_links(job, "model")
    left = sorted(path.relative_to(job / "model").as_posix() for path in (job / "model").rglob("*"))
    assert left == ["code", "code/inference.py", "xgboost-model"]
    assert (tmp_path / "home" / "credentials").exists()
