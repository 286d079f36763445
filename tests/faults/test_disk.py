"""A full disk and a read-only home: a clear error, and nothing lost."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.clients.jobs import await_endpoint, deploy, train, training_request
from tests.data import breast_cancer
from tests.live import LiveServer

ONE_TRY = Config(retries={"total_max_attempts": 1})


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MB of its own."""
    if os.geteuid() != 0:
        if os.environ.get("CI") == "true":
            pytest.fail("CI runs as root, which mounting a small file system needs")
        pytest.skip("mounting a small file system needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=48m,mode=0700", "tmpfs", str(disk)]
    subprocess.run(mount, check=True)
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Take all room that is left, and return the file that has it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(b"\0" * size) == size:
                    pass
            except OSError:
                continue
    return ballast


def await_room(server: LiveServer) -> None:
    """Wait until changes are taken again: the audit trail tries the disk once a second."""
    s3 = server.client("s3", config=ONE_TRY)
    deadline = time.monotonic() + 30
    while True:
        try:
            s3.put_object(Bucket=server.bucket, Key="room", Body=b"1")
        except ClientError as error:
            assert error.response["Error"]["Code"] == "InsufficientStorage"
            assert time.monotonic() < deadline, "changes are refused long after there is room"
            time.sleep(0.1)
        else:
            return


@pytest.fixture
def server(small_disk: Path, tmp_path: Path) -> Iterator[LiveServer]:
    """A server whose home is on the small disk, and whose log is elsewhere."""
    server = LiveServer(small_disk / "home")
    server.log = tmp_path / "server.log"
    yield server
    server.kill()


def test_a_full_disk_is_said_and_what_was_there_stays(server: LiveServer, small_disk: Path) -> None:
    server.start()
    job = train(server, "before")
    deploy(server, "before", job["ModelArtifacts"]["S3ModelArtifacts"])
    request = training_request(server, "during")
    ballast = fill(small_disk)
    s3, sagemaker = server.client("s3", config=ONE_TRY), server.client("sagemaker", config=ONE_TRY)
    with pytest.raises(ClientError) as upload:
        s3.put_object(Bucket=server.bucket, Key="big", Body=b"1" * (1 << 20))
    assert upload.value.response["Error"]["Code"] == "InsufficientStorage"
    # By then the audit trail may have met the full disk too, and refuses what it cannot record.
    assert re.search("1048576 bytes do not fit|nothing may change unrecorded", str(upload.value))
    with pytest.raises(ClientError) as create:
        for number in range(500):  # the database may have some room of its own left
            sagemaker.create_training_job(**{**request, "TrainingJobName": f"during-{number}"})
    assert create.value.response["Error"]["Code"] == "InsufficientStorage"
    # Reading and predicting go on.
    row = breast_cancer().test_csv.splitlines()[0]
    runtime = server.client("sagemaker-runtime")
    assert runtime.invoke_endpoint(EndpointName="before", ContentType="text/csv", Body=row)
    assert sagemaker.describe_training_job(TrainingJobName="before")
    ballast.unlink()
    await_room(server)
    assert train(server, "after")["TrainingJobStatus"] == "Completed"
    assert await_endpoint(server, "before")["EndpointStatus"] == "InService"
    assert s3.list_objects_v2(Bucket=server.bucket, Prefix="big")["KeyCount"] == 0
    assert server.stop() == 0, server.log.read_text()


def test_a_home_that_cannot_be_written_is_refused_by_name(
    server: LiveServer, small_disk: Path
) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    server.launch()
    assert server.process is not None
    assert server.process.wait(timeout=60) == 1
    said = server.log.read_text()
    assert str(small_disk / "home") in said
    assert "Traceback" not in said
