"""The aws CLI, as its users run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelyard.store.s3_uris import S3Uri
from tests.api.s3.world import World, cli_environment

AWS = Path(sys.executable).with_name("aws")


class Cli:
    def __init__(self, world: World, home: Path) -> None:
        self._environment = cli_environment(world, home)

    def __call__(self, *arguments: str, fails: bool = False) -> str:
        done = subprocess.run(
            [sys.executable, str(AWS), *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def aws(world: World, tmp_path: Path) -> Cli:
    return Cli(world, tmp_path)


def test_files_are_copied_listed_synchronised_and_removed(
    aws: Cli, world: World, tmp_path: Path
) -> None:
    large = os.urandom(9 * 2**20)  # beyond 8 MiB it is sent, and copied, in parts
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "a b.csv").write_text("1,2\n")
    (folder / "deep/large.bin").write_bytes(large)
    aws("s3", "mb", "s3://the-cli")
    aws("s3", "sync", str(folder), "s3://the-cli/data")
    listing = aws("s3", "ls", "--recursive", "s3://the-cli")
    assert [line.split(maxsplit=3)[3] for line in listing.splitlines()] == [
        "data/a b.csv",
        "data/deep/large.bin",
    ]
    assert "upload" not in aws("s3", "sync", str(folder), "s3://the-cli/data")
    aws("s3", "cp", "s3://the-cli/data/deep/large.bin", "s3://the-cli/copy.bin")
    assert world.objects.get(S3Uri("the-cli", "copy.bin")) == large
    aws("s3", "cp", "s3://the-cli/copy.bin", str(tmp_path / "copy.bin"))
    assert (tmp_path / "copy.bin").read_bytes() == large
    aws("s3", "mv", "s3://the-cli/copy.bin", "s3://the-cli/moved.bin")
    aws("s3", "rm", "--recursive", "s3://the-cli/data")
    assert [info.key for info in world.objects.list(S3Uri("the-cli", ""))] == ["moved.bin"]
    aws("s3", "rb", "--force", "s3://the-cli")
    assert not world.objects.has_bucket("the-cli")


def test_single_operations_answer_as_amazon_s_do(aws: Cli, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "body").write_text("1,2\n")
    put = json.loads(
        aws(
            *("s3api", "put-object", "--bucket", bucket, "--key", "k"),
            *("--body", str(tmp_path / "body"), "--metadata", "a=b"),
        )
    )
    head = json.loads(aws("s3api", "head-object", "--bucket", bucket, "--key", "k"))
    assert (head["ETag"], head["Metadata"], head["ContentLength"]) == (put["ETag"], {"a": "b"}, 4)
    assert "404" in aws("s3api", "head-object", "--bucket", bucket, "--key", "none", fails=True)
    assert "PutBucketPolicy" in aws(
        *("s3api", "put-bucket-policy", "--bucket", bucket, "--policy", "{}"), fails=True
    )
