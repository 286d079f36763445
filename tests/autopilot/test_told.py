"""What is believed of a search's log."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.autopilot.told import MARK, Told, candidate_of
from tests.autopilot.toys import candidate


def line(**facts: Any) -> str:
    return MARK + json.dumps(facts)


def test_lines_tell_how_far_it_is() -> None:
    told = Told()
    told.hear(
        [
            "[INFO] 14 features",
            line(phase="ModelTuning"),
            line(resolved={"problem_type": "Regression", "objective": "MSE", "why": "numbers"}),
            line(candidate=candidate(0)),
            line(candidate=candidate(0, 0.9)),
            line(ended_by="MaxCandidatesReached", best="search-001"),
        ]
    )
    assert (told.phase, told.objective) == ("ModelTuning", "MSE")
    assert told.candidates["search-001"]["status"] == "Completed"
    assert (told.best, told.ended_by) == ("search-001", "MaxCandidatesReached")


def test_hearing_a_line_again_changes_nothing() -> None:
    lines = [line(candidate=candidate(0, 0.5)), line(candidate=candidate(1, 0.6))]
    once, twice = Told(), Told()
    once.hear(lines)
    twice.hear([*lines, *lines])
    assert once == twice


@pytest.mark.parametrize(
    "facts",
    [
        {"phase": "Completed"},  # which is not the search's to say
        {"phase": ["ModelTuning"]},
        {"resolved": {"problem_type": "Regression", "objective": "AUC"}},
        {"resolved": "Regression"},
        {"candidate": {"name": "x"}},
        {"candidate": candidate(0, name="x" * 65)},
        {"candidate": candidate(0, started="yesterday")},
        {"candidate": candidate(0, status="Deployed")},
        {"candidate": candidate(0, algorithm="bash")},
        {"best": "nobody"},
    ],
)
def test_what_is_not_of_the_right_form_is_not_believed(facts: dict[str, Any]) -> None:
    told = Told()
    told.hear([line(**facts)])
    assert told == Told()


def test_only_finite_numbers_are_metrics() -> None:
    metrics = {"AUC": 0.5, "F1": "high", "Recall": float("inf"), "Precision": True}
    found = candidate_of(candidate(0, 0.5) | {"metrics": metrics})
    assert found is not None
    assert found["metrics"] == {"AUC": 0.5}


@given(st.one_of(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists).map(str)))
def test_no_line_at_all_is_an_error(text: str) -> None:
    Told().hear([text, MARK + text])
