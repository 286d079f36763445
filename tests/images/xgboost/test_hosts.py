"""Several hosts: processes that meet on loopback addresses of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score

from modelyard.images.training.errors import ClientError
from modelyard.images.xgboost.hosts import Alone, bytes_of_first, texts, together
from tests.images.xgboost.jobs import Files, Job, csv, evaluations, follow, job, split

CANCER = split(*load_breast_cancer(return_X_y=True))
BINARY = {"objective": "binary:logistic", "num_round": "20", "max_depth": "4", "nthread": "1"}


@pytest.fixture(scope="module")
def addresses() -> Iterator[tuple[str, str]]:
    """Pairs of host names that no other test process uses: 127.0.0.0/8 is all loopback."""
    high, low = divmod(os.getpid(), 250)
    network = f"127.{1 + high % 250}.{1 + low}"
    return ((f"{network}.{n}", f"{network}.{n + 1}") for n in range(100, 250, 2))


def pair(
    folder: Path, hosts: tuple[str, str], hyperparameters: dict[str, str], files: list[Files]
) -> list[Job]:
    held = {"held": csv(*CANCER.held)}
    return [
        job(
            folder / str(number),
            hyperparameters,
            {"train": files[number], "validation": held},
            hosts=hosts,
            host=number,
        )
        for number in range(2)
    ]


def run(jobs: list[Job]) -> list[tuple[int, str]]:
    processes = [found.start(TRAINING_JOB_NAME="one") for found in reversed(jobs)]
    logs = [process.communicate()[0] for process in processes]
    return [(process.returncode, log) for process, log in zip(processes, logs, strict=True)][::-1]


def halves() -> list[Files]:
    features, labels = CANCER.train
    middle = len(labels) // 2
    return [
        {"a": csv(features[:middle], labels[:middle])},
        {"b": csv(features[middle:], labels[middle:])},
    ]


def test_two_hosts_learn_from_the_rows_of_both(
    tmp_path: Path, addresses: Iterator[tuple[str, str]]
) -> None:
    metrics = {"eval_metric": "auc,accuracy,r2", "colsample_bytree": "0.5"}
    jobs = pair(tmp_path / "two", next(addresses), {**BINARY, **metrics}, halves())
    (code, log), (other_code, other_log) = run(jobs)
    assert (code, other_code) == (0, 0), log + other_log
    assert not jobs[1].model.exists()
    assert evaluations(other_log) == []
    whole = {**halves()[0], **halves()[1]}
    single = job(
        tmp_path / "one",
        {**BINARY, **metrics},
        {"train": whole, "validation": {"held": csv(*CANCER.held)}},
    )
    single_log = single.run()[1]
    held, truth = CANCER.held
    joint, alone = (roc_auc_score(truth, found.predict(held)) for found in (jobs[0], single))
    assert joint > 0.97
    assert abs(joint - alone) < 0.02
    # Sums over all rows, not means of the hosts' own scores:
    last, single_last = (evaluations(text)[-1].split("\t") for text in (log, single_log))
    for mine, theirs in zip(last[1:], single_last[1:], strict=True):
        assert mine.split(":")[0] == theirs.split(":")[0]
        assert float(mine.split(":")[1]) == pytest.approx(float(theirs.split(":")[1]), abs=0.05)


def test_a_host_without_files_fails_the_job_on_all_hosts_with_its_name(
    tmp_path: Path, addresses: Iterator[tuple[str, str]]
) -> None:
    hosts = next(addresses)
    jobs = pair(tmp_path, hosts, BINARY, [halves()[0], {}])
    assert [code for code, _ in run(jobs)] == [1, 1]
    expected = f"ClientError: {hosts[1]}: channel 'train' has no files"
    assert all(found.failure.startswith(expected) for found in jobs)
    assert "ShardedByS3Key" in jobs[0].failure


def test_a_host_that_is_lost_fails_the_others(
    tmp_path: Path, addresses: Iterator[tuple[str, str]]
) -> None:
    texts = {**BINARY, "num_round": "1000000"}
    jobs = pair(tmp_path, next(addresses), texts, halves())
    with jobs[0].start() as first, jobs[1].start() as second:
        follow(first, 3)
        second.kill()
        first.communicate()
    assert first.returncode == 1
    assert "the connection to another host of the job broke" in jobs[0].failure


def test_a_stop_of_one_host_stops_all_after_the_same_round(
    tmp_path: Path, addresses: Iterator[tuple[str, str]]
) -> None:
    texts = {**BINARY, "num_round": "1000000"}
    jobs = pair(tmp_path, next(addresses), texts, halves())
    with jobs[0].start() as first, jobs[1].start() as second:
        follow(first, 3)
        second.terminate()
        rest = first.communicate()[0]
        second.communicate()
    assert (first.returncode, second.returncode) == (0, 0), rest
    assert jobs[0].booster().num_boosted_rounds() >= 3
    assert not jobs[1].model.exists()


def test_a_host_that_waits_for_the_others_can_be_stopped(
    tmp_path: Path, addresses: Iterator[tuple[str, str]]
) -> None:
    waiting = pair(tmp_path, next(addresses), BINARY, halves())[0]
    with waiting.start() as process:
        assert process.stdout is not None
        assert "host 1 of 2: waiting for the others" in next(process.stdout)
        process.terminate()
        process.communicate()
    assert (process.returncode, waiting.failure) == (0, "")


class Recording(Alone):
    """Two hosts, of which the other one says what it is told to."""

    def __init__(self, said: str) -> None:
        super().__init__()
        self.hosts = ("algo-1", "algo-2")
        self._said = said.encode()

    def maximum(self, values: np.ndarray) -> np.ndarray:
        if values.ndim == 2:
            values[1, : len(self._said)] = np.frombuffer(self._said, np.uint8)
        return values


def test_one_hosts_error_is_raised_on_all() -> None:
    with pytest.raises(ClientError, match=r"^algo-2: no rows$"):
        together(Recording("no rows"), lambda: 5)
    assert together(Recording(""), lambda: 5) == 5


def test_one_host_alone_raises_its_error_as_it_is() -> None:
    def fail() -> None:
        raise ClientError("no rows")

    with pytest.raises(ClientError, match=r"^no rows$"):
        together(Alone(), fail)


def test_texts_are_cut_to_what_a_failure_file_holds() -> None:
    assert texts(Alone(), "ä" * 2000) == ["ä" * 512]


def test_bytes_of_the_first_host_reach_all() -> None:
    assert bytes_of_first(Alone(), b"model") == b"model"
    assert bytes_of_first(Alone(), b"") == b""
