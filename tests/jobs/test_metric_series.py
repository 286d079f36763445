"""Metrics over time are kept bounded, in order, and through crashes and second runs."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard import clock
from modelyard.jobs.metric_series import MAX_POINTS, MetricSeries, iteration_of
from modelyard.store.resources import Resource, Scope


@pytest.fixture
def series(tmp_path: Path) -> MetricSeries:
    return MetricSeries(tmp_path / "metrics")


def job(name: str = "job") -> Resource:
    return Resource(
        id=1,
        scope=Scope(account="123456789012", region="us-east-1"),
        kind="training-job",
        name=name,
        arn=f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{name}",
        spec={},
        status="InProgress",
        observed={},
        revision=1,
        created_at=clock.now(),
        modified_at=clock.now(),
    )


def points(series: MetricSeries, metric: str = "auc") -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in series.of(job()).get(metric, [])]


@pytest.mark.parametrize(
    ("line", "iteration"),
    [
        ("[12]\ttrain-auc:0.9", 12),
        ("Epoch 3/10 loss=0.5;", 3),
        ("step=17, loss: 2", 17),
        ("iteration: 4 auc 0.5", 4),
        ("round [8] auc 0.5", 8),
        ("[2026-01-01 10:00:00] auc=0.5", None),
        ("auc=0.5", None),
        ("steps_per_second=3 auc=0.5", None),
        ("[" + "9" * 40 + "] auc=0.5", None),
    ],
)
def test_the_iteration_is_the_one_that_the_line_names(line: str, iteration: int | None) -> None:
    assert iteration_of(line) == iteration


def test_without_an_iteration_values_are_counted(series: MetricSeries) -> None:
    writer = series.writer(job(), resumes=False)
    for value in (0.5, 0.6):
        writer.record({"auc": value}, f"auc={value}")
    assert points(series) == [(0, 0.5), (1, 0.6)]


def test_an_iteration_that_starts_again_in_each_epoch_becomes_a_count(series: MetricSeries) -> None:
    writer = series.writer(job(), resumes=False)
    for step in (1, 2, 3, 1, 2):
        writer.record({"auc": step / 10}, f"step {step}")
    assert [step for step, _ in points(series)] == [1, 2, 3, 4, 5]


def test_metrics_of_one_line_have_one_step_and_one_time(series: MetricSeries) -> None:
    series.writer(job(), resumes=False).record({"auc": 0.5, "loss": 1.0}, "[7] …")
    found = series.of(job())
    assert [found[name][0].step for name in ("auc", "loss")] == [7, 7]
    assert found["auc"][0].at == found["loss"][0].at


@pytest.mark.parametrize(
    ("resumes", "line", "after"),
    [
        (False, "", [(0, 9.0)]),
        (True, "", [(0, 0.0), (1, 1.0), (2, 2.0), (3, 9.0)]),
        (True, "[1]", [(0, 0.0), (1, 9.0)]),
        (False, "[0]", [(0, 9.0)]),
    ],
)
def test_a_second_run_takes_the_place_of_what_it_does_again(
    series: MetricSeries, resumes: bool, line: str, after: list[tuple[int, float]]
) -> None:
    first = series.writer(job(), resumes=False)
    for step in range(3):
        first.record({"auc": float(step)}, f"[{step}]")
    series.writer(job(), resumes=resumes).record({"auc": 9.0}, line)
    assert points(series) == after


def test_a_line_that_a_crash_tore_is_passed_over(series: MetricSeries, tmp_path: Path) -> None:
    series.writer(job(), resumes=False).record({"auc": 0.5})
    [file] = tmp_path.rglob("*.jsonl")
    with file.open("ab") as torn:
        torn.write(b'["auc", 1, 17')
    assert points(series) == [(0, 0.5)]
    series.writer(job(), resumes=True).record({"auc": 0.75})
    assert points(series) == [(0, 0.5), (1, 0.75)]


def test_a_long_series_is_thinned_out_evenly_and_keeps_its_ends(
    series: MetricSeries, tmp_path: Path
) -> None:
    writer = series.writer(job(), resumes=False)
    count = 4 * MAX_POINTS + 7
    for step in range(count):
        writer.record({"auc": float(step)})
    writer.finish()
    steps = [step for step, _ in points(series)]
    assert len(steps) <= MAX_POINTS + 1
    assert (steps[0], steps[-1]) == (0, count - 1)
    gaps = {after - before for before, after in pairwise(steps[:-1])}
    assert gaps == {8}
    [file] = tmp_path.rglob("*.jsonl")
    assert len(file.read_bytes().splitlines()) <= MAX_POINTS + 1


@given(st.lists(st.integers(0, 50) | st.none(), max_size=60))
def test_within_a_run_steps_always_grow(
    tmp_path_factory: pytest.TempPathFactory, iterations: list[int | None]
) -> None:
    series = MetricSeries(tmp_path_factory.mktemp("metrics"))
    writer = series.writer(job(), resumes=False)
    for iteration in iterations:
        writer.record({"auc": 1.0}, "" if iteration is None else f"[{iteration}]")
    writer.finish()
    steps = [step for step, _ in points(series)]
    assert steps == sorted(set(steps))
    assert len(steps) == len(iterations)


def test_a_full_disk_costs_points_and_nothing_else(series: MetricSeries, tmp_path: Path) -> None:
    writer = series.writer(job(), resumes=False)
    (tmp_path / "metrics").write_text("no folder can be made here")
    writer.record({"auc": 0.5})
    (tmp_path / "metrics").unlink()
    writer.record({"auc": 0.75})
    writer.finish()
    assert points(series) == [(1, 0.75)]


def test_jobs_are_apart_and_none_leaves_the_folder(series: MetricSeries, tmp_path: Path) -> None:
    evil = replace(job(), name="../../evil")
    series.writer(evil, resumes=False).record({"auc": 0.25})
    assert points(series) == []
    assert series.of(evil)["auc"][0].value == 0.25
    assert all(path.is_relative_to(tmp_path / "metrics") for path in tmp_path.rglob("*.jsonl"))
    series.remove(evil)
    assert series.of(evil) == {}
