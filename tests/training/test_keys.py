"""Jobs under a key: in memory while they run, encrypted when they are kept."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.compute.memory import MemoryFolder
from modelyard.store.encryption.bucket_defaults import Encryption
from modelyard.store.objects import S3Uri
from tests.store.test_encrypted_objects import ARN, Keys
from tests.training.world import BUCKET, World, channel

KNOWN = b"known plaintext of the input"
UNDER = Encryption(mode="aws:kms", key=ARN)
CHECKPOINTS = {"S3Uri": f"s3://{BUCKET}/ck"}
INPUT = [channel(uri=f"s3://{BUCKET}/in")]


class Sealed:
    """A world with keys, and a folder in memory."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.keys = Keys()
        self.memory = MemoryFolder(Path("/dev/shm"), world.home)
        world.patience |= {
            "memory": self.memory,
            "keys_of": lambda _job: self.keys,
            "checkpoint_seconds": 0.05,
        }
        world.restart()
        self.objects = world.objects = world.objects.acting(self.keys)

    def put(self, key: str, data: bytes) -> None:
        with self.objects.writing(S3Uri(BUCKET, key), UNDER) as sink:
            sink.write(data)

    def holders(self) -> list[Path]:
        """Return the files that hold the known text in clear."""
        folders = [self.world.home, self.memory.path]
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        return [path for path in files if KNOWN in path.read_bytes()]


@pytest.fixture
def sealed(world: World) -> Iterator[Sealed]:
    made = Sealed(world)
    yield made
    made.memory.clear()


async def test_a_job_that_reads_what_is_encrypted_runs_in_memory_and_leaves_nothing(
    sealed: Sealed,
) -> None:
    sealed.put("in/a", KNOWN)
    running = sealed.world.start(
        "cp /opt/ml/input/data/train/a /opt/ml/code-copy; echo ready; "
        "while [ ! -e /opt/ml/go ]; do sleep 0.05; done; cat /opt/ml/code-copy > /opt/ml/model/m",
        InputDataConfig=INPUT,
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/out", "KmsKeyId": "key"},
    )
    await running.until_says("ready")
    holding = sealed.holders()
    assert holding
    assert all(path.is_relative_to(sealed.memory.path) for path in holding)
    go = next(sealed.memory.path.rglob("code-copy")).with_name("go")
    go.touch()
    job = await running.end()
    assert job.status == "Completed", job.observed
    assert sealed.holders() == []
    assert sealed.objects.encryption_of(S3Uri(BUCKET, "out/job/output/model.tar.gz")) == Encryption(
        mode="aws:kms", key="key"
    )


async def test_that_an_input_is_encrypted_is_found_out_when_it_is_read(sealed: Sealed) -> None:
    sealed.put("in/a", KNOWN)
    job = await sealed.world.run(
        "cp /opt/ml/input/data/train/a /opt/ml/model/m", InputDataConfig=INPUT
    )
    assert job.status == "Completed", job.observed
    assert job.observed["private"]
    assert sealed.world.unpacked("out/job/output/model.tar.gz") == {"m": KNOWN}


async def test_a_gzipped_input_is_decrypted_and_unpacked(sealed: Sealed) -> None:
    sealed.put("in/a.gz", gzip.compress(KNOWN))
    packed = channel(uri=f"s3://{BUCKET}/in", CompressionType="Gzip")
    job = await sealed.world.run(
        "cp /opt/ml/input/data/train/a /opt/ml/model/m", InputDataConfig=[packed]
    )
    assert job.status == "Completed", job.observed
    assert sealed.world.unpacked("out/job/output/model.tar.gz") == {"m": KNOWN}


async def test_a_key_that_is_disabled_while_the_job_runs_ends_it_at_the_next_checkpoint(
    sealed: Sealed,
) -> None:
    sealed.put("in/a", KNOWN)
    running = sealed.world.start(
        "n=0; while true; do n=$((n+1)); cp /opt/ml/input/data/train/a /opt/ml/checkpoints/$n; "
        "echo written; sleep 0.1; done",
        InputDataConfig=INPUT,
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/out", "KmsKeyId": "key"},
        CheckpointConfig=CHECKPOINTS,
    )
    await running.until(lambda: len(sealed.world.keys("ck/")) > 0)
    sealed.keys.disabled = True
    job = await running.end()
    assert job.status == "Failed"
    assert job.observed["failure_reason"] == f"ClientError: {ARN} is disabled"
    assert sealed.holders() == []
    sealed.keys.disabled = False
    again = await sealed.world.run(
        "test -e /opt/ml/checkpoints/1 && cp /opt/ml/checkpoints/1 /opt/ml/model/m",
        name="again",
        CheckpointConfig=CHECKPOINTS,
    )
    assert again.status == "Completed", again.observed


async def test_a_job_whose_folder_in_memory_is_gone_runs_again(sealed: Sealed) -> None:
    sealed.put("in/a", KNOWN)
    script = (
        "echo ready; while [ ! -e /opt/ml/go ]; do sleep 0.05; done; "
        "cp /opt/ml/input/data/train/a /opt/ml/model/m"
    )
    running = sealed.world.start(script, InputDataConfig=INPUT)
    await running.until_says("ready")
    await running.shut_down()
    sealed.memory.clear()
    sealed.world.scripts["toy"] = "cp /opt/ml/input/data/train/a /opt/ml/model/m"
    sealed.world.restart()
    await sealed.world.workflow.run(sealed.world.job().arn)
    assert sealed.world.job().status == "Completed", sealed.world.job().observed
    assert sealed.world.unpacked("out/job/output/model.tar.gz") == {"m": KNOWN}


async def test_a_bucket_that_encrypts_makes_the_job_private(sealed: Sealed) -> None:
    sealed.objects.vault.defaults.put(BUCKET, UNDER)
    sealed.world.put("in/a", b"1")
    job = await sealed.world.run("echo x > /opt/ml/model/m")
    assert job.status == "Completed", job.observed
    assert job.observed["private"]
    assert sealed.objects.is_encrypted(S3Uri(BUCKET, "out/job/output/model.tar.gz"))


async def test_a_job_that_names_no_key_stays_on_the_disk(sealed: Sealed) -> None:
    sealed.world.put("in/a", b"1")
    job = await sealed.world.run("echo x > /opt/ml/model/m")
    assert job.status == "Completed", job.observed
    assert not job.observed.get("private")
    assert not sealed.objects.is_encrypted(S3Uri(BUCKET, "out/job/output/model.tar.gz"))


async def test_inputs_in_memory_count_against_the_volume(
    sealed: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelyard.jobs.staging._GIB", 10)
    sealed.put("in/a", KNOWN)
    job = await sealed.world.run("true", InputDataConfig=INPUT)
    assert job.status == "Failed"
    assert "raise ResourceConfig.VolumeSizeInGB" in job.observed["failure_reason"]
    assert sealed.holders() == []
