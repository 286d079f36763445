"""The journal of finished candidates."""

from __future__ import annotations

from pathlib import Path

from modelyard.images.autopilot.candidates import Candidate, Journal


def candidate(number: int) -> Candidate:
    return Candidate(
        name=f"c-{number}",
        number=number,
        algorithm="lightgbm",
        config={"n_estimators": 3, "learning_rate": 0.1},
        status="Completed",
        started=1,
        ended=2,
        metrics={"AUC": 0.5},
    )


def test_what_is_written_down_is_read_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "new")
    assert journal.read() == []
    for number in range(3):
        journal.add(candidate(number))
    assert Journal(tmp_path / "new").read() == [candidate(number) for number in range(3)]


def test_a_torn_last_line_is_passed_over_and_written_anew(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.add(candidate(0))
    [file] = tmp_path.iterdir()
    with file.open("ab") as torn:
        torn.write(b'{"name": "c-')
    assert journal.read() == [candidate(0)]
    journal.add(candidate(1))
    assert journal.read() == [candidate(0), candidate(1)]
