"""Clients that share no code with boto3: obstore's, in Rust, and rclone's, in Go."""

from __future__ import annotations

import os
import subprocess
import urllib.request
from datetime import timedelta
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

from modelyard.store.rclone import rclone_binary
from tests.api.s3.world import REGION, SECRETS, World


@pytest.fixture
def store(world: World, bucket: str) -> S3Store:
    return S3Store(
        bucket,
        endpoint=world.url,
        access_key_id="AKIAONE",
        secret_access_key=SECRETS["AKIAONE"][0],
        region=REGION,
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )


def test_obstore_stores_lists_copies_and_deletes(store: S3Store) -> None:
    large = os.urandom(11 * 2**20)
    obstore.put(store, "a b/ü+.csv", b"1,2")
    obstore.put(store, "large", large, use_multipart=True, chunk_size=5 * 2**20)
    assert bytes(obstore.get(store, "large").bytes()) == large
    assert bytes(obstore.get_range(store, "large", start=7, end=20)) == large[7:20]
    obstore.copy(store, "large", "copy")
    found = [item["path"] for batch in store.list() for item in batch]
    assert found == ["a b/ü+.csv", "copy", "large"]
    obstore.delete(store, ["large", "copy", "none"])
    with pytest.raises(FileNotFoundError):
        obstore.head(store, "large")


def test_obstore_signs_urls(store: S3Store) -> None:
    obstore.put(store, "a b/ü+.csv", b"1,2")
    url = obstore.sign(store, "GET", "a b/ü+.csv", timedelta(minutes=1))
    with urllib.request.urlopen(url, timeout=30) as response:
        assert response.read() == b"1,2"


def test_rclone_copies_a_folder_and_finds_no_difference(
    world: World, bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "x y").write_bytes(b"1")
    (tmp_path / "deep/ü#?%2F").write_bytes(b"2")
    (tmp_path / "deep/large").write_bytes(os.urandom(11 * 2**20))
    remote = (
        f":s3,provider=Other,access_key_id=AKIAONE,secret_access_key='{SECRETS['AKIAONE'][0]}',"
        f"endpoint='{world.url}',region={REGION},chunk_size=5Mi,upload_cutoff=5Mi:{bucket}"
    )
    for arguments in (
        ("copy", str(tmp_path), f"{remote}/one"),
        ("copy", f"{remote}/one", f"{remote}/two"),
        ("check", "--download", str(tmp_path), f"{remote}/two"),
        ("purge", f"{remote}/one"),
    ):
        subprocess.run(
            [rclone_binary(), *arguments, "--retries=1", "--low-level-retries=1"],
            env={"PATH": os.defpath, "RCLONE_CONFIG": os.devnull, "HOME": str(tmp_path)},
            check=True,
            capture_output=True,
            timeout=60,
        )
