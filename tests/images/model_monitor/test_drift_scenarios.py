"""What really goes wrong, on real data, through the whole program."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from modelyard.images.model_monitor.data_quality import analysis, constraints
from modelyard.images.model_monitor.data_quality.baseline import Baseline
from modelyard.images.model_monitor.data_quality.counting import count_frame
from modelyard.images.model_monitor.data_quality.profiles import DatasetProfile
from modelyard.images.model_monitor.data_quality.statistics import BaselineStatistics, document
from tests.images.model_monitor.jobs import (
    CAPTURE,
    HOUR,
    WINDOW,
    Run,
    baseline_of,
    captures_of,
    csv_files,
    run,
    write,
)
from tests.images.model_monitor.real_data import abalone, adult

ROWS = 2000


@pytest.fixture(scope="module")
def census(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A baseline of the first 30,000 people."""
    base = tmp_path_factory.mktemp("census")
    return run(base, csv_files(base / "in", [adult().head(30_000)]))


@pytest.fixture(scope="module")
def shells(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A baseline of all shells, whose first column is text."""
    base = tmp_path_factory.mktemp("shells")
    return run(base, csv_files(base / "in", [abalone()]))


def traffic(seed: int = 0) -> pl.DataFrame:
    return adult().tail(15_000).sample(ROWS, seed=seed)


def check(tmp_path: Path, frame: pl.DataFrame, baseline: Run) -> Run:
    source = tmp_path / "capture"
    write(source / HOUR / "capture.jsonl", captures_of(frame))
    return run(tmp_path / "job", source, dataset_format=CAPTURE, **WINDOW, **baseline_of(baseline))


def alarms_of(frame: pl.DataFrame, baseline: Run) -> list[object]:
    """Return the violations of a frame, found without files and reports."""
    features, config = constraints.read(baseline.read("constraints.json"))
    known = Baseline(features, config, BaselineStatistics(baseline.read("statistics.json")))
    profile = DatasetProfile()
    count_frame(profile, frame)
    return list(analysis.compare(profile, known).violations or [])


def test_clean_traffic_violates_nothing(tmp_path: Path, census: Run) -> None:
    done = check(tmp_path, traffic(), census)
    assert (done.code, done.violations) == (0, [])
    assert done.message == "Completed: Job completed successfully with no violations."


def test_a_numeric_column_that_drifts_is_reported(tmp_path: Path, census: Run) -> None:
    drifted = traffic().with_columns(pl.col("age") + 12)
    assert check(tmp_path, drifted, census).violations == [("age", "baseline_drift_check")]


def test_a_category_never_seen_is_reported(tmp_path: Path, census: Run) -> None:
    one = pl.when(pl.int_range(pl.len()) < 20).then(pl.lit("Astronaut"))
    changed = traffic().with_columns(one.otherwise(pl.col("occupation")).alias("occupation"))
    done = check(tmp_path, changed, census)
    assert done.violations == [("occupation", "categorical_values_check")]
    found = done.read("constraint_violations.json")["violations"][0]["description"]
    assert "'Astronaut' (20)" in found


def test_missing_values_are_reported(tmp_path: Path, census: Run) -> None:
    some = pl.when(pl.int_range(pl.len()) >= 40).then(pl.col("hours-per-week"))
    done = check(tmp_path, traffic().with_columns(some.alias("hours-per-week")), census)
    assert done.violations == [("hours-per-week", "completeness_check")]


def test_a_string_in_a_number_column_is_reported(tmp_path: Path, census: Run) -> None:
    few = pl.when(pl.int_range(pl.len()) < 2).then(pl.lit("old"))
    changed = traffic().with_columns(few.otherwise(pl.col("age").cast(pl.String)).alias("age"))
    done = check(tmp_path, changed, census)
    assert done.violations == [("age", "data_type_check")]
    found = done.read("constraint_violations.json")["violations"][0]["description"]
    assert "Only 99.9% of data is Integral" in found


def test_swapped_columns_are_reported(tmp_path: Path, census: Run) -> None:
    frame = traffic()
    swapped = frame.with_columns(
        frame["hours-per-week"].alias("age"), frame["age"].alias("hours-per-week")
    )
    assert check(tmp_path, swapped, census).violations == [
        ("age", "baseline_drift_check"),
        ("hours-per-week", "baseline_drift_check"),
    ]


def test_a_column_of_letters_that_drifts_is_reported(tmp_path: Path, shells: Run) -> None:
    sex = abalone().columns[0]
    clean = abalone().sample(500, seed=1)
    assert check(tmp_path / "clean", clean, shells).violations == []
    all_male = clean.with_columns(pl.lit("M").alias(sex))
    found = check(tmp_path / "drifted", all_male, shells).violations
    assert found == [(sex, "baseline_drift_check")]


def test_a_letter_never_seen_is_reported(tmp_path: Path, shells: Run) -> None:
    sex = abalone().columns[0]
    some = pl.when(pl.int_range(pl.len()) < 10).then(pl.lit("X")).otherwise(pl.col(sex))
    changed = abalone().sample(500, seed=1).with_columns(some.alias(sex))
    assert check(tmp_path, changed, shells).violations == [(sex, "categorical_values_check")]


def test_a_column_that_is_missing_is_reported(tmp_path: Path, shells: Run) -> None:
    *kept, last = abalone().columns
    source = csv_files(tmp_path / "in", [abalone().sample(500, seed=1).select(kept)])
    done = run(tmp_path / "job", source, **baseline_of(shells))
    assert done.violations == [(last, "missing_column_check")]


def test_clean_shells_raise_no_false_alarm_over_fifty_seeds(tmp_path: Path) -> None:
    shuffled = abalone().sample(fraction=1, shuffle=True, seed=0)
    done = run(tmp_path, csv_files(tmp_path / "in", [shuffled.head(2000)]))
    alarms = []
    for seed in range(50):
        sample = shuffled.tail(2000).sample([30, 300, 1000][seed % 3], seed=seed)
        alarms += alarms_of(sample, done)
    # 9 columns at 0.3 % each: one run in 37 at the very most, as neighbouring columns go together.
    assert len(alarms) <= 1


def test_clean_traffic_of_any_size_raises_no_false_alarm(census: Run) -> None:
    alarms = []
    for seed in range(50):
        sample = adult().tail(15_000).sample([30, 300, 3000][seed % 3], seed=seed)
        alarms += alarms_of(sample, census)
    assert alarms == []


def test_chi_squared_raises_no_more_false_alarms_than_its_level_allows(census: Run) -> None:
    profile = DatasetProfile()
    count_frame(profile, adult().head(30_000))
    suggested = constraints.document(profile, categorical_drift_method="ChiSquared")
    features, config = constraints.read(suggested)
    baseline = Baseline(features, config, BaselineStatistics(document(profile)))
    alarms = 0
    for seed in range(50):
        now = DatasetProfile()
        count_frame(now, adult().tail(15_000).sample(1000, seed=seed))
        alarms += len(analysis.compare(now, baseline).violations or [])
    # 50 runs, 7 columns of text, level 0.001: 0.35 are expected, 3 or more have odds of 1 in 190.
    assert alarms < 3
    drifted = DatasetProfile()
    count_frame(drifted, traffic().filter(pl.col("sex") == "Male"))
    found = {v.feature_name for v in analysis.compare(drifted, baseline).violations or []}
    assert "sex" in found
