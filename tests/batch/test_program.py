"""Jobs with an image's own program: payloads over HTTP, in order, and what can go wrong."""

from __future__ import annotations

import gzip
import os
import sys
from pathlib import Path

import pytest

from modelyard.batch.plan import INPUT_FOLDER
from tests.batch.jobs import PLUS_ONE, SERVE, Job


def test_files_are_transformed_in_order_each_to_its_own_output(job: Job) -> None:
    job.put({"a.csv": "1\n2\n3\n", "deep/b.csv": "4\n5", "empty": ""})
    assert job.run(server=PLUS_ONE) == 0
    assert job.outputs == {"a.csv.out": "2\n3\n4\n", "deep/b.csv.out": "5\n6\n", "empty.out": ""}


def test_many_records_at_once_keep_their_order(job: Job) -> None:
    lines = [str(number) for number in range(300)]
    job.put({"a": "\n".join(lines)})
    assert job.run(server=PLUS_ONE, strategy="SingleRecord", concurrency=8) == 0
    assert job.outputs["a.out"].split() == [str(number + 1) for number in range(300)]


def test_gzipped_inputs_are_unpacked(job: Job) -> None:
    job.put({"a.csv.gz": gzip.compress(b"1\n2")})
    assert job.run(server=PLUS_ONE, gzipped=True) == 0
    assert job.outputs == {"a.csv.gz.out": "2\n3\n"}


@pytest.mark.parametrize("content", [b"1\n2", gzip.compress(b"1\n2" * 1000)[:-20]])
def test_an_input_that_is_not_gzipped_is_told(job: Job, content: bytes) -> None:
    job.put({"a.csv.gz": content})
    assert job.run(server=PLUS_ONE, gzipped=True) == 1
    assert "a.csv.gz: it is not gzipped, or damaged" in job.failure
    assert job.outputs == {}


def test_the_program_is_told_what_the_job_asks_for(job: Job) -> None:
    job.put({"a": "env"})
    assert job.run(server=PLUS_ONE, max_payload_mib=3, concurrency=2, strategy="SingleRecord") == 0
    told = dict(entry.split("=", 1) for entry in job.outputs["a.out"].strip().split(";"))
    told.pop("SAGEMAKER_BASE_DIR")
    assert told == {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "3",
        "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "2",
    }


def test_what_the_job_leaves_open_the_program_says(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    job.put({"a": "1"})
    assert job.run(server=PLUS_ONE) == 0
    cores = len(os.sched_getaffinity(0))
    assert (
        f"BatchStrategy MultiRecord, MaxPayloadInMB 6, MaxConcurrentTransforms {cores}"
        in capsys.readouterr().out
    )


def test_a_refused_record_is_found_and_the_other_files_are_transformed(job: Job) -> None:
    lines = [str(number) for number in range(1000)]
    lines[616] = "six"
    job.put({"a": "1", "bad/b": "\n".join(lines), "c": "3"})
    assert job.run(server=PLUS_ONE) == 1
    assert job.failure == (
        "ClientError: bad/b, line 617: the model answered 400: row 1 is 'six' and no number"
    )
    assert job.outputs == {"a.out": "2\n", "c.out": "4\n"}
    assert not list((job.base / "unfinished").rglob("*.out"))


def test_files_that_fail_are_counted(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    job.put({"a": "x", "b": "y", "c": "3"})
    assert job.run(server=PLUS_ONE) == 1
    assert "a, line 1: " in job.failure
    assert job.failure.endswith("(and 1 more files failed: see the log)")
    assert "b, line 1: the model answered 400" in capsys.readouterr().out


def test_a_record_that_is_too_long_is_told_with_its_line_and_size(job: Job) -> None:
    job.put({"a": "1\n" + "1" * (2**20 + 1) + "\n2"})
    assert job.run(server=PLUS_ONE, max_payload_mib=1) == 1
    assert job.failure.startswith(
        "ClientError: a, line 2: it has 1,048,577 bytes, more than the 1,048,576 of MaxPayloadInMB"
    )


def test_a_joined_file_that_a_filter_finds_nothing_in_is_told_with_its_line(job: Job) -> None:
    job.put({"a": "x,1\ny,2\nz\n"})
    assert job.run(server=PLUS_ONE, input_filter="$[1]", join_input=True) == 1
    assert job.failure.startswith("ClientError: a, line 3: the InputFilter $[1] finds nothing")


def test_a_program_that_ends_at_once_is_told(job: Job) -> None:
    job.put({"a": "1"})
    assert job.run(server=(sys.executable, "-c", SERVE, "early")) == 1
    assert "the model's program ended with 1 before it was ready" in job.failure


def test_a_program_that_dies_fails_the_job(job: Job) -> None:
    job.put({"a": "die"})
    assert job.run(server=PLUS_ONE) == 1
    assert "the model's program does not answer" in job.failure


def test_a_program_that_takes_too_long_is_tried_again_and_given_up(job: Job) -> None:
    job.put({"a": "slow"})
    assert job.run(server=PLUS_ONE, invocation_seconds=1, invocation_retries=1) == 1
    assert "the model's program does not answer: timed out" in job.failure


def test_a_run_after_a_crash_does_only_what_is_left(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    job.put({"a": "1", "b": "2"})
    assert job.run(server=PLUS_ONE) == 0
    (job.base / "transformed" / "b.out").unlink()
    capsys.readouterr()
    assert job.run(server=PLUS_ONE) == 0
    said = capsys.readouterr().out
    assert "b: 1 lines transformed" in said
    assert "a: " not in said
    assert job.outputs == {"a.out": "2\n", "b.out": "3\n"}


def test_a_run_after_a_crash_does_again_what_was_of_another_input(job: Job) -> None:
    job.put({"a": "1"})
    assert job.run(server=PLUS_ONE) == 0
    path: Path = job.base / INPUT_FOLDER / "a"
    path.write_text("7")
    os.utime(path, ns=(0, 5))
    assert job.run(server=PLUS_ONE) == 0
    assert job.outputs == {"a.out": "8\n"}


def test_a_host_without_files_has_nothing_to_do(job: Job) -> None:
    (job.base / INPUT_FOLDER).mkdir(parents=True)
    assert job.run(server=PLUS_ONE) == 0
    assert job.outputs == {}
