"""Metrics are found in a log by expressions that cannot stop the server."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.images.xgboost.metric_definitions import METRIC_DEFINITIONS
from modelyard.training.metrics import MetricScanner, regex_problem


def values(definitions: list[tuple[str, str]], *lines: str) -> dict[str, float]:
    scanner = MetricScanner(definitions)
    for line in lines:
        scanner.feed(line)
    return {metric["MetricName"]: metric["Value"] for metric in scanner.final()}


def test_a_tab_is_found_as_it_is_and_as_the_service_shows_it() -> None:
    line = "[7]\ttrain-rmse:8.1\tvalidation-rmse:8.25"
    assert values([("a", r".*\[[0-9]+\].*#011validation-rmse:(\S+)")], line) == {"a": 8.25}
    assert values([("b", r"\tvalidation-rmse:(\S+)")], line) == {"b": 8.25}


def test_the_images_own_definitions_find_its_own_lines() -> None:
    line = "[12]\ttrain-auc:0.99\ttrain-logloss:0.1\tvalidation-auc:0.97\tvalidation-logloss:0.2"
    assert values(list(METRIC_DEFINITIONS), line, "nothing here") == {
        "train:auc": 0.99,
        "train:logloss": 0.1,
        "validation:auc": 0.97,
        "validation:logloss": 0.2,
    }


def test_the_last_value_counts_and_what_is_no_number_does_not() -> None:
    lines = ["loss=1;", "loss=0.5;", "loss=abc;", "loss=nan;", "loss=inf;", "loss=;"]
    assert values([("loss", "loss=(.*?);")], *lines) == {"loss": 0.5}


def test_a_line_says_each_metric_once() -> None:
    said: list[tuple[Mapping[str, float], str]] = []
    scanner = MetricScanner(
        [("m", r"m:(\d+)"), ("m", r"(?:\t|#011)m:(\d+)"), ("n", r"n:(\d+)")],
        lambda found, line: said.append((found, line)),
    )
    scanner.feed("nothing")
    scanner.feed("x\tm:1 n:2")
    assert said == [({"m": 1.0, "n": 2.0}, "x\tm:1 n:2")]


def test_a_group_that_took_no_part_is_no_value() -> None:
    assert values([("m", "a(b)?")], "a") == {}


def test_without_definitions_nothing_is_found() -> None:
    assert values([], "x") == {}


@pytest.mark.parametrize(
    ("regex", "says"),
    [("loss=[0-9]+", "has no group"), ("(loss", "missing )"), (r"(?=x)(y)", r"\(\?=")],
)
def test_an_expression_that_cannot_be_used_is_told_why(regex: str, says: str) -> None:
    problem = regex_problem(regex)
    assert problem is not None
    assert says.replace("\\", "") in problem


def test_an_expression_that_makes_other_engines_stand_still_is_quick() -> None:
    assert regex_problem("(a+)+$") is None
    assert values([("m", "(a+)+$")], "a" * 60_000 + "!") == {}


@given(st.text())
def test_no_line_breaks_it(line: str) -> None:
    values(list(METRIC_DEFINITIONS), line)
