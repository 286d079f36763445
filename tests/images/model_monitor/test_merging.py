from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.images.model_monitor.jobs import CAPTURE, HOUR, WINDOW, Run, captured, label, run, write

SETTINGS = {"analysis_type": "MERGE", "dataset_format": CAPTURE}


def merge(tmp_path: Path, **settings: str) -> Run:
    given = {**SETTINGS, **WINDOW, "ground_truth_source": str(tmp_path / "truth"), **settings}
    return run(tmp_path / "job", tmp_path / "capture", **given)


def merged(done: Run) -> list[tuple[str, str]]:
    lines = (done.output / "merged.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return [(r["eventMetadata"]["eventId"], r["groundTruthData"]["data"]) for r in records]


def test_labels_meet_their_invocations(tmp_path: Path) -> None:
    write(
        tmp_path / "capture" / HOUR / "c.jsonl",
        captured("0.9", "1", event="a")
        + captured("0.1", "2", event="b", inference="mine")
        + captured("0.1", "2", event="c"),
    )
    labels = label("a", "1") + label("mine", "0") + label("nobody", "1")
    write(tmp_path / "truth" / HOUR / "t.jsonl", labels + "broken\n" + label("a", "0") + "{}\n")
    done = merge(tmp_path)
    assert merged(done) == [("a", "0"), ("b", "0")]
    report = done.read("merge_report.json")
    assert (report["merged"], report["waiting"], report["unknown_labels"]) == (2, 1, 1)
    assert (report["repeated_labels"], sum(report["left_out"].values())) == (1, 2)
    assert "2 of 3 invocations were merged with their label." in done.message
    assert "1 label belongs to no captured invocation." in done.message


def test_each_pair_is_merged_in_exactly_one_window(tmp_path: Path) -> None:
    first = datetime(2026, 3, 1, tzinfo=UTC)
    for hour in range(6):
        for late in range(3):
            time, came = first + timedelta(hours=hour), first + timedelta(hours=hour + late)
            event = f"{hour}+{late}"
            write(
                tmp_path / "capture" / f"{time:%Y/%m/%d/%H}" / f"{late}.jsonl",
                captured("1", "1", event=event, time=f"{time:%Y-%m-%dT%H}:30:00Z"),
            )
            write(tmp_path / "truth" / f"{came:%Y/%m/%d/%H}" / f"{event}.jsonl", label(event, "1"))
    times: Counter[str] = Counter()
    for hour in range(8):
        start = first + timedelta(hours=hour)
        done = merge(
            tmp_path,
            start_time=start.isoformat(),
            end_time=(start + timedelta(hours=1)).isoformat(),
            late_label_window="PT4H",
        )
        times.update(event for event, _ in merged(done))
    assert times == Counter({f"{hour}+{late}": 1 for hour in range(6) for late in range(3)})


def test_a_label_that_comes_too_late_is_not_merged(tmp_path: Path) -> None:
    old = captured("1", "1", event="old", time="2026-03-01T05:00:00Z")
    write(tmp_path / "capture" / "2026/03/01/05" / "c.jsonl", old)
    now = captured("1", "1", event="now")
    write(tmp_path / "capture" / HOUR / "c.jsonl", now)
    write(tmp_path / "truth" / HOUR / "t.jsonl", label("old", "1") + label("now", "1"))
    done = merge(tmp_path, late_label_window="PT2H")
    assert merged(done) == [("now", "1")]
    assert done.read("merge_report.json")["too_old"] == 1


def test_an_empty_window_says_so(tmp_path: Path) -> None:
    (tmp_path / "capture").mkdir()
    done = merge(tmp_path)
    assert (done.code, done.message) == (
        3,
        "Error: no captured data between 2026-03-01T10:00:00Z and 2026-03-01T11:00:00Z",
    )


def test_captures_without_any_label_say_so(tmp_path: Path) -> None:
    write(tmp_path / "capture" / HOUR / "c.jsonl", captured("1", "1", event="a"))
    done = merge(tmp_path)
    assert done.code == 3
    assert "no captured data with ground truth between" in done.message
    assert "1 invocation waits for its label." in done.message
