"""The sentence about a failure is useful, and never too long."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from modelyard.jobs.outcome import Outcome, client_error, failure_reason


def test_a_failure_file_beats_the_log() -> None:
    assert failure_reason(1, " it broke\n", ["log"]) == "AlgorithmError: it broke, exit code: 1"


def test_a_kind_that_the_file_names_is_kept() -> None:
    assert failure_reason(1, "ClientError: bad eta", []) == "ClientError: bad eta, exit code: 1"


def test_without_either_it_says_so() -> None:
    assert "wrote neither a log nor" in failure_reason(1, None, [" ", ""])


def test_a_signal_is_named() -> None:
    assert failure_reason(-11, "x", []).endswith("exit code: 139 (ended by SIGSEGV)")


@given(
    code=st.integers(-31, 255).filter(bool),
    file=st.none() | st.text(max_size=3000),
    lines=st.lists(st.text(max_size=2000), max_size=5),
)
def test_a_reason_is_never_empty_nor_longer_than_the_api_takes(
    code: int, file: str | None, lines: list[str]
) -> None:
    reason = failure_reason(code, file, lines)
    assert 20 < len(reason) <= 1024
    assert "exit code: " in reason


def test_an_outcome_survives_the_server() -> None:
    outcome = Outcome(codes={"algo-1": 3}, reason=client_error("x" * 2000))
    assert Outcome.from_json(outcome.to_json()) == outcome
    assert len(outcome.reason or "") == 1024
