"""The attributes of pipelines that test the endpoint which they deploy."""

from __future__ import annotations

from collections.abc import Mapping

from modelyard.orchestrator.blueprints._base import Attribute, Place, Problem, add_problems

TESTS = "integration_tests"
SECONDS = "integration_tests_max_seconds"
MAX_SECONDS = 3600

INTEGRATION_TESTS = (
    Attribute(
        name=TESTS,
        prepare=lambda text: text.strip().strip("/"),
        meaning="The folder of the assets bucket with the requests that each stage's endpoint is "
        "tested with.",
    ),
    Attribute(
        name=SECONDS,
        prepare=str.strip,
        meaning=f"How long these may take together, in seconds, at most {MAX_SECONDS}.",
    ),
)


def add_test_problems(values: Mapping[str, str], place: Place, problems: list[Problem]) -> None:
    """Add what is wrong with a folder of tests, and with the time that they have."""
    add_problems(values, {TESTS: place.tests_problem, SECONDS: _seconds_problem}, problems)
    if values.get(SECONDS) and not values.get(TESTS):
        text = f"is for {TESTS} only: leave it out, or name the folder that they are in"
        problems.append(Problem(attribute=SECONDS, text=text))


def _seconds_problem(text: str) -> str | None:
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_SECONDS:
        return None
    return f"{text[:20]!r} must be a whole number of seconds from 1 to {MAX_SECONDS}"
