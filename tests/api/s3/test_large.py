"""Two gibibytes up and down again, in a server that may not grow."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import psutil
import pytest
from botocore.config import Config

from tests.api.s3.world import ACCOUNT, REGION, SECRETS

ROOT = Path(__file__).parents[3]
SIZE = 2 * 2**30
MOST_BYTES = 300 * 2**20


class Generated:
    """A file that is made up as it is read, and hashed: it cannot be sought in."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._block = hashlib.shake_128(b"block").digest(2**20)
        self._counter = 0
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        size = self._left if size < 0 else min(size, self._left)
        pieces = []
        while size > 0:
            # No two mebibytes are alike, so none can be in another's place unnoticed.
            head = self._counter.to_bytes(8, "big")
            piece = (head + self._block[8:])[:size]
            pieces.append(piece)
            self._counter += 1
            self._left -= len(piece)
            size -= len(piece)
        data = b"".join(pieces)
        self.digest.update(data)
        return data


class Hashed:
    """A file that forgets what is written to it but its hash; it must be written in order."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.size += len(data)
        return len(data)


class Watch:
    """Notes the largest memory that a process and its children have together."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.most = 0
        self.parts: list[tuple[str, int]] = []

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            parts = [
                (process.name(), process.memory_info().rss)
                for process in (self._process, *self._process.children(recursive=True))
                if process.status() != psutil.STATUS_ZOMBIE
            ]
            if sum(size for _, size in parts) > self.most:
                self.most, self.parts = sum(size for _, size in parts), parts


@contextmanager
def serving(home: Path) -> Iterator[tuple[str, int]]:
    """Serve a home in a process of its own; gives its URL and process id."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.api.s3.serve", str(home)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        if server.stdin is None or server.stdout is None:
            raise RuntimeError("no pipes")
        yield server.stdout.readline().strip(), server.pid
        server.stdin.close()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_gibibytes_go_up_and_come_down_in_bounded_memory(tmp_path: Path) -> None:
    with serving(tmp_path) as (url, pid), Watch(pid) as watch:
        s3 = boto3.client(
            "s3",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id="AKIAONE",
            aws_secret_access_key=SECRETS["AKIAONE"][0],
            config=Config(retries={"total_max_attempts": 1}),
        )
        s3.create_bucket(Bucket="large", CreateBucketConfiguration={"LocationConstraint": REGION})
        source, began = Generated(SIZE), time.monotonic()
        s3.upload_fileobj(source, "large", "two-gibibytes")
        up = time.monotonic() - began
        sink, began = Hashed(), time.monotonic()
        s3.download_fileobj("large", "two-gibibytes", sink)
        down = time.monotonic() - began
        assert sink.size == SIZE
        assert sink.digest.digest() == source.digest.digest()
        s3.delete_object(Bucket="large", Key="two-gibibytes")
    print(
        f"up {SIZE / up / 1e6:.0f} MB/s, down {SIZE / down / 1e6:.0f} MB/s, at most "
        f"{watch.most / 2**20:.0f} MiB: {[(name, size >> 20) for name, size in watch.parts]}"
    )
    assert watch.most < MOST_BYTES
    private = tmp_path / "objects" / ACCOUNT / ".modelyard"
    left = [path for path in private.rglob("*") if path.is_file() and "records" not in path.name]
    assert left == []
