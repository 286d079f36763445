from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from modelyard.images.model_monitor.readers import csv_text
from modelyard.images.model_monitor.readers.records import whole_records
from tests.images.model_monitor.jobs import (
    CAPTURE,
    HOUR,
    WINDOW,
    Run,
    baseline_of,
    captured,
    csv_files,
    run,
    write,
)

FRAME = pl.DataFrame(
    {"y": [0, 1] * 50, "size": [n / 7 for n in range(100)], "colour": ["red", "blue"] * 50}
)


@pytest.fixture
def baseline(tmp_path: Path) -> Run:
    return run(tmp_path / "baseline", csv_files(tmp_path / "in", [FRAME]))


def test_a_baseline_has_the_references_files(baseline: Run) -> None:
    assert (baseline.code, baseline.message) == (0, "Completed: Job completed successfully.")
    names = {path.name for path in baseline.output.iterdir()}
    assert names == {"statistics.json", "constraints.json", "report.html", "report.pdf"}
    statistics = baseline.read("statistics.json")
    assert statistics["dataset"] == {"item_count": 100}
    size = baseline.feature("size")
    assert size["inferred_type"] == "Fractional"
    assert size["numerical_statistics"]["common"] == {"num_present": 100, "num_missing": 0}
    assert len(size["numerical_statistics"]["distribution"]["kll"]["buckets"]) == 10
    colour = baseline.feature("colour")["string_statistics"]
    assert colour["distinct_count"] == 2
    assert colour["distribution"]["categorical"]["buckets"][0] == {"value": "blue", "count": 50}
    assert baseline.read("constraints.json")["features"] == [
        {
            "name": "y",
            "inferred_type": "Integral",
            "completeness": 1.0,
            "num_constraints": {"is_non_negative": True},
        },
        {
            "name": "size",
            "inferred_type": "Fractional",
            "completeness": 1.0,
            "num_constraints": {"is_non_negative": True},
        },
        {
            "name": "colour",
            "inferred_type": "String",
            "completeness": 1.0,
            "string_constraints": {"domains": ["blue", "red"]},
        },
    ]


def test_many_files_give_what_one_gives(tmp_path: Path, baseline: Run) -> None:
    parts = run(tmp_path / "parts", csv_files(tmp_path / "many", [FRAME[:30], FRAME[30:]]))
    assert parts.read("constraints.json") == baseline.read("constraints.json")
    assert parts.feature("colour") == baseline.feature("colour")


def test_text_that_comes_late_in_a_column_of_numbers_makes_all_of_it_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_text, "whole_records", lambda file: whole_records(file, 64))
    write(tmp_path / "in" / "a.csv", "a,b\n" + "1,x\n" * 50 + "oops,y\n")
    done = run(tmp_path / "job", tmp_path / "in")
    assert done.read("statistics.json")["dataset"] == {"item_count": 51}
    buckets = done.feature("a")["string_statistics"]["distribution"]["categorical"]["buckets"]
    assert buckets == [{"value": "1", "count": 50}, {"value": "oops", "count": 1}]


def test_missing_and_extra_columns_are_reported(tmp_path: Path, baseline: Run) -> None:
    other = FRAME.drop("size").with_columns(weight=pl.lit(1))
    done = run(tmp_path / "job", csv_files(tmp_path / "now", [other]), **baseline_of(baseline))
    assert done.violations == [("size", "missing_column_check"), ("weight", "extra_column_check")]
    assert done.message.startswith(
        "CompletedWithViolations: Job completed successfully with 2 violations."
    )


def test_captured_names_that_are_not_the_baselines_are_reported(
    tmp_path: Path, baseline: Run
) -> None:
    names = [one["name"] for one in baseline.read("statistics.json")["features"]]
    values = dict.fromkeys(names[1:], 1)
    line = captured(json.dumps({"other": 1}), json.dumps(values), encoding="JSON")
    write(tmp_path / "c" / HOUR / "c.jsonl", line * 5)
    given = {**WINDOW, **baseline_of(baseline), "dataset_format": CAPTURE}
    found = run(tmp_path / "job", tmp_path / "c", **given).violations
    assert (names[0], "missing_column_check") in found
    assert ("other", "extra_column_check") in found


def test_captures_of_another_width_are_not_compared_column_by_column(
    tmp_path: Path, baseline: Run
) -> None:
    write(tmp_path / "c" / HOUR / "c.jsonl", captured("1", "0.5,red,9,9") * 5)
    given = {**WINDOW, **baseline_of(baseline), "dataset_format": CAPTURE}
    kinds = {kind for _, kind in run(tmp_path / "job", tmp_path / "c", **given).violations}
    assert kinds == {"missing_column_check", "extra_column_check"}


def test_an_empty_window_says_so(tmp_path: Path, baseline: Run) -> None:
    (tmp_path / "empty").mkdir()
    given = {**WINDOW, **baseline_of(baseline), "dataset_format": CAPTURE}
    done = run(tmp_path / "job", tmp_path / "empty", **given)
    assert (done.code, done.message) == (
        3,
        "Error: no captured data between 2026-03-01T10:00:00Z and 2026-03-01T11:00:00Z",
    )


def test_a_window_of_broken_lines_only_says_so(tmp_path: Path) -> None:
    write(tmp_path / "c" / HOUR / "c.jsonl", "oops\n")
    done = run(tmp_path / "job", tmp_path / "c", dataset_format=CAPTURE, **WINDOW)
    assert done.code == 3
    assert "1 left out: lines that are not captured invocations (c.jsonl:1)" in done.message


def constraints_with(tmp_path: Path, baseline: Run, **config: object) -> dict[str, str]:
    """Return the settings of the baseline with other checks."""
    document = baseline.read("constraints.json")
    document["monitoring_config"].update(config)
    path = write(tmp_path / "constraints.json", json.dumps(document))
    return {**baseline_of(baseline), "baseline_constraints": str(path)}


DRIFTED = FRAME.with_columns(pl.col("size") + 100)


def test_checks_can_be_switched_off(tmp_path: Path, baseline: Run) -> None:
    source = csv_files(tmp_path / "now", [DRIFTED])
    assert run(tmp_path / "a", source, **baseline_of(baseline)).violations == [
        ("size", "baseline_drift_check")
    ]
    silent = constraints_with(
        tmp_path, baseline, distribution_constraints={"perform_comparison": "Disabled"}
    )
    assert run(tmp_path / "b", source, **silent).violations == []
    off = constraints_with(tmp_path, baseline, evaluate_constraints="Disabled")
    done = run(tmp_path / "c", source, **off)
    assert (done.violations, done.message) == ([], "Completed: Job completed successfully.")


def test_the_references_misspelling_is_understood(tmp_path: Path, baseline: Run) -> None:
    slight = FRAME.with_columns(pl.col("size") + 2.5)
    source = csv_files(tmp_path / "now", [slight])
    assert run(tmp_path / "a", source, **baseline_of(baseline)).violations == []
    simple = {"comparion_method": "Simple", "comparison_threshold": 0.1}
    given = constraints_with(tmp_path, baseline, distribution_constraints=simple)
    assert run(tmp_path / "b", source, **given).violations == [("size", "baseline_drift_check")]


def test_a_feature_can_have_checks_of_its_own(tmp_path: Path, baseline: Run) -> None:
    document = baseline.read("constraints.json")
    override = {"distribution_constraints": {"comparison_threshold": 1.0}}
    document["features"][1]["monitoringConfigOverrides"] = override
    path = write(tmp_path / "constraints.json", json.dumps(document))
    given = {**baseline_of(baseline), "baseline_constraints": str(path)}
    done = run(tmp_path / "job", csv_files(tmp_path / "now", [DRIFTED]), **given)
    assert done.violations == []


def test_constraints_that_make_no_sense_are_refused(tmp_path: Path, baseline: Run) -> None:
    given = constraints_with(
        tmp_path, baseline, distribution_constraints={"comparison_method": "Magic"}
    )
    done = run(tmp_path / "job", csv_files(tmp_path / "now", [FRAME]), **given)
    assert done.code == 1
    assert "comparison_method 'Magic' must be one of Simple, Robust" in done.message


def test_metrics_are_written_for_the_platform(tmp_path: Path, baseline: Run) -> None:
    done = run(
        tmp_path / "job",
        csv_files(tmp_path / "now", [DRIFTED]),
        **baseline_of(baseline),
        publish_cloudwatch_metrics="Enabled",
        sagemaker_endpoint_name="shop",
        sagemaker_monitoring_schedule_name="hourly",
        metric_time="2026-03-01T10:00:00Z",
    )
    metrics = {metric["MetricName"]: metric for metric in done.metrics}
    drift = metrics["feature_baseline_drift_size"]
    assert drift["Namespace"] == "aws/sagemaker/Endpoints/data-metrics"
    assert drift["Timestamp"] == "2026-03-01T10:00:00Z"
    assert drift["Dimensions"] == [
        {"Name": "Endpoint", "Value": "shop"},
        {"Name": "MonitoringSchedule", "Value": "hourly"},
    ]
    assert 0.5 < drift["Value"] <= 1
    assert metrics["feature_data_size"]["StatisticValues"]["SampleCount"] == 100
    assert metrics["violations"]["Value"] == 1


PREPROCESSOR = """
def preprocess_handler(inference_record, logger):
    print("a line of the script's own")
    answer = float(inference_record.endpoint_output.data)
    if answer < 0:
        raise ValueError("no such answer")
    if inference_record.event_metadata.event_id == "skipped":
        return []
    return {"answer": answer, "request": {"length": len(inference_record.endpoint_input.data)}}
"""


def test_a_record_preprocessor_makes_the_rows(tmp_path: Path) -> None:
    script = write(tmp_path / "script.py", PREPROCESSOR)
    lines = captured("1", "abc") + captured("-1", "x") + captured("2", "ab", event="skipped")
    write(tmp_path / "c" / "c.jsonl", lines)
    done = run(
        tmp_path / "job",
        tmp_path / "c",
        dataset_format=CAPTURE,
        record_preprocessor_script=str(script),
    )
    assert done.read("statistics.json")["dataset"] == {"item_count": 1}
    assert done.feature("request.length")["numerical_statistics"]["mean"] == 3
    assert "the preprocessor refused (ValueError: no such answer) (c.jsonl:2)" in done.message


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("def other(): ...", "AttributeError: it has no function preprocess_handler"),
        ("1 +", "SyntaxError"),
        ("import os\ndef preprocess_handler(record): os._exit(7)", "with exit code 7"),
    ],
)
def test_a_preprocessor_that_cannot_work_ends_the_job(
    tmp_path: Path, script: str, words: str
) -> None:
    path = write(tmp_path / "script.py", script)
    write(tmp_path / "c" / "c.jsonl", captured("1", "2"))
    given = {"dataset_format": CAPTURE, "record_preprocessor_script": str(path)}
    done = run(tmp_path / "job", tmp_path / "c", **given)
    assert done.code == 1
    assert words in done.message


def test_a_post_analytics_script_runs_at_the_end(tmp_path: Path) -> None:
    seen, statistics = tmp_path / "seen", tmp_path / "job" / "processing/output/statistics.json"
    body = f"""
from pathlib import Path
def postprocess_handler():
    Path({str(seen)!r}).write_text(str(Path({str(statistics)!r}).exists()))
"""
    given = {"post_analytics_processor_script": str(write(tmp_path / "post.py", body))}
    assert run(tmp_path / "job", csv_files(tmp_path / "in", [FRAME]), **given).code == 0
    assert seen.read_text() == "True"
    failing = write(tmp_path / "bad.py", "def postprocess_handler(): raise SystemExit(4)")
    given = {"post_analytics_processor_script": str(failing)}
    done = run(tmp_path / "other", csv_files(tmp_path / "in", [FRAME]), **given)
    assert (done.code, "bad.py failed with exit code 4" in done.message) == (1, True)


def test_it_is_a_program(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "modelyard.images.model_monitor"],
        env={"SAGEMAKER_BASE_DIR": str(tmp_path), "dataset_source": "/opt/ml/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    message = (tmp_path / "output" / "message").read_text()
    assert done.returncode == 1
    assert message == "Error: output_path must be given; dataset_format must be given"
    assert message in done.stdout
