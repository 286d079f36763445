"""A program reads its channels as streams, an epoch after the other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from modelyard.images.recordio.framing import framed


def start(base: Path, script: str, files: dict[str, str], **config: Any) -> subprocess.Popen[bytes]:
    """Start a shell script below the feeder of one channel, `train`."""
    for name, text in files.items():
        path = base / "input" / "pipe" / "train" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    folder = base / "input" / "config"
    folder.mkdir(parents=True)
    pipes = {"train": {"wrapped": False, "augmented": False, "seed": None, **config}}
    (folder / "pipes.json").write_text(json.dumps(pipes))
    return subprocess.Popen(
        [sys.executable, "-m", "modelyard.images.pipe_mode", "/bin/sh", "-c", script],
        env={**os.environ, "SAGEMAKER_BASE_DIR": str(base)},
        cwd=base,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def output(process: subprocess.Popen[bytes]) -> bytes:
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    return out


def test_each_epoch_has_a_pipe_of_its_own_with_all_files_in_order(tmp_path: Path) -> None:
    script = "cat input/data/train_0; echo -; cat input/data/train_1"
    found = output(start(tmp_path, script, {"b": "2\n", "a": "1\n", "d/c": "3\n"}))
    assert found == b"1\n2\n3\n-\n1\n2\n3\n"


def test_files_are_shuffled_anew_in_each_epoch_and_the_same_way_each_time(tmp_path: Path) -> None:
    files = {str(number): f"{number} " for number in range(30)}
    script = "cat input/data/train_0; echo; cat input/data/train_1"
    runs = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        runs.append(output(start(tmp_path / name, script, files, seed=7)).split(b"\n"))
    (first, second), again = runs[0], runs[1]
    assert runs[0] == again
    assert first != second
    assert sorted(first.split()) == sorted(second.split())


def test_each_object_becomes_a_record(tmp_path: Path) -> None:
    found = output(start(tmp_path, "cat input/data/train_0", {"a": "1", "b": "22"}, wrapped=True))
    assert found == b"".join([*framed(b"1"), *framed(b"22")])


def test_an_augmented_manifest_gives_its_attributes_record_by_record(tmp_path: Path) -> None:
    lines = [[{"object": "objects/1"}, {"text": "cat"}], [{"object": "objects/2"}, {"text": "4"}]]
    files = {
        "manifest.jsonl": "\n".join(map(json.dumps, lines)),
        "objects/1": "picture-1",
        "objects/2": "picture-2",
    }
    found = output(start(tmp_path, "cat input/data/train_0", files, augmented=True))
    assert found == b"picture-1catpicture-24"


def test_a_reader_that_has_had_enough_gets_the_next_epoch_from_its_start(tmp_path: Path) -> None:
    script = "head -c 5 input/data/train_0; echo; head -c 5 input/data/train_1"
    found = output(start(tmp_path, script, {"a": "0123456789" * 100_000}))
    assert found == b"01234\n01234"


def test_it_ends_as_the_program_ends_whether_or_not_the_pipes_are_read(tmp_path: Path) -> None:
    process = start(tmp_path, "exit 3", {"a": "1"})
    process.communicate(timeout=60)
    assert process.returncode == 3


def test_the_program_is_told_to_end(tmp_path: Path) -> None:
    script = "trap 'echo told; exit 0' TERM; echo on; while :; do sleep 0.05; done"
    process = start(tmp_path, script, {"a": "1"})
    assert process.stdout is not None
    assert process.stdout.readline() == b"on\n"
    process.send_signal(signal.SIGTERM)
    assert b"told" in output(process)
