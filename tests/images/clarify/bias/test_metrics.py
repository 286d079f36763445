"""Every bias metric is what smclarify says, on real data and on whatever frames there may be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelyard.images.clarify.bias.analysis import METRICS, Facet, Question, analyse
from modelyard.images.clarify.bias.metric import Stage
from modelyard.images.clarify.bias.outcomes import split
from tests.images.clarify.datasets import adult, compas
from tests.images.clarify.oracles import ask

SCRIPT = Path(__file__).with_name("smclarify_reports.py")
STAGES = {Stage.PRE_TRAINING: "PRE_TRAINING", Stage.POST_TRAINING: "POST_TRAINING"}
EVERY = {stage: [metric.name for metric in metrics] for stage, metrics in METRICS.items()}


@dataclass(frozen=True, kw_only=True)
class Case:
    frame: pl.DataFrame
    facet: str
    facet_values: list[Any]
    label: str
    positive: list[Any]
    predicted: str
    group: str | None = None

    def question(self) -> dict[str, Any]:
        return {
            "columns": self.frame.to_dict(as_series=False),
            "facet": self.facet,
            "facet_values": self.facet_values,
            "label": self.label,
            "positive": self.positive,
            "predicted": self.predicted,
            "group": self.group,
        }

    def ours(self) -> list[dict[str, dict[str, float | None]]]:
        columns = [self.label, self.predicted]
        label, predicted = (
            split(self.frame[name], self.positive, what=name).flags for name in columns
        )
        facet = Facet(name=self.facet, column=self.frame[self.facet], values=self.facet_values)
        found = analyse(
            Question(
                label=label,
                predicted=predicted,
                facets=[facet],
                group=self.frame[self.group] if self.group else None,
                features=self.frame.drop(columns),
                methods=EVERY,
            )
        )
        return [
            {
                STAGES[stage]: {
                    finding.metric.name: finding.value
                    for finding in result.findings
                    if finding.stage is stage
                }
                for stage in STAGES
            }
            for result in found
        ]


def with_guess(frame: pl.DataFrame, label: str, *, seed: int) -> pl.DataFrame:
    """Add a column of predictions that are right three times out of four."""
    wrong = np.random.default_rng(seed).random(len(frame)) < 0.25
    return frame.with_columns(guess=(pl.col(label) ^ pl.Series(wrong.astype(int))))


def real_cases() -> list[Case]:
    census = with_guess(adult(), "income", seed=1)
    accused = with_guess(compas(), "again", seed=2)
    numbers = ["age", "education-num", "hours-per-week", "capital-gain", "income", "guess"]
    people: dict[str, Any] = {"label": "income", "positive": [1], "predicted": "guess"}
    trial: dict[str, Any] = {"label": "again", "positive": [0], "predicted": "guess"}
    some, few = census.sample(4000, seed=3), census.sample(900, seed=4)
    return [
        Case(frame=census, facet="sex", facet_values=["Female"], group="race", **people),
        Case(frame=some, facet="race", facet_values=["Black", "Other"], group="sex", **people),
        Case(frame=some, facet="race", facet_values=[], **people),
        Case(frame=few.select(numbers), facet="age", facet_values=[40], **people),
        Case(frame=accused, facet="sex", facet_values=[0], group="charge", **trial),
        Case(frame=accused, facet="race", facet_values=[1], group="sex", **trial),
        Case(
            frame=accused.drop("charge").with_columns(age=pl.col("age") + 0.5),
            facet="age",
            facet_values=[30],
            **trial,
        ),
    ]


@st.composite
def frames(draw: st.DrawFn) -> Case:
    """Few rows of few kinds, so that whatever can be empty is empty now and then."""
    rows = draw(st.integers(4, 60))
    skew = draw(st.sampled_from([0.03, 0.3, 0.5, 0.97]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    columns = {
        "facet": rng.choice(["a", "b", "c"], rows, p=[0.5, 0.45, 0.05]),
        "label": np.where(rng.random(rows) < skew, "yes", "no"),
        "guess": np.where(rng.random(rows) < draw(st.sampled_from([0.05, 0.5, 0.95])), "yes", "no"),
        "group": rng.choice(["x", "y"], rows),
    }
    frame = pl.DataFrame({name: values.tolist() for name, values in columns.items()})
    chosen = draw(st.sampled_from(["label", "guess"]))
    frame = frame.with_columns(number=pl.Series(rng.normal(size=rows)))
    # smclarify refuses a column in which nothing is positive at all.
    frame[0, chosen] = frame[0, "label"] = frame[0, "guess"] = "yes"
    numeric = draw(st.booleans())
    return Case(
        frame=frame.drop("group") if numeric else frame,
        facet="facet",
        facet_values=[frame[0, "facet"]],
        label="label",
        positive=["yes"],
        predicted="guess",
        group=None if numeric else "group",
    )


def random_cases() -> list[Case]:
    found: list[Case] = []

    @settings(
        max_examples=150,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(frames())
    def collect(case: Case) -> None:
        found.append(case)

    collect()
    return found


@pytest.fixture(scope="module")
def compared() -> list[tuple[Case, dict[str, Any]]]:
    cases = [*real_cases(), *random_cases()]
    return list(
        zip(cases, ask("smclarify", SCRIPT, [case.question() for case in cases]), strict=True)
    )


def differences(case: Case, theirs: dict[str, Any]) -> list[str]:
    found = []
    ours = case.ours()
    for stage in STAGES.values():
        assert isinstance(theirs[stage], list), theirs[stage]
        assert len(ours) == len(theirs[stage])
        for mine, other in zip(ours, theirs[stage], strict=True):
            values = {metric["name"]: metric["value"] for metric in other["metrics"]}
            assert mine[stage].keys() == values.keys()
            for name, value in values.items():
                if not same(mine[stage][name], value):
                    found.append(f"{stage} {name}: {mine[stage][name]} and not {value}")
    return found


def same(ours: float | None, theirs: float | str | None) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    return ours == float(theirs) or math.isclose(ours, float(theirs), rel_tol=0, abs_tol=1e-9)


def test_every_metric_agrees_with_smclarify_on_census_and_court_data(
    compared: list[tuple[Case, dict[str, Any]]],
) -> None:
    real = compared[: len(real_cases())]
    assert [differences(case, theirs) for case, theirs in real] == [[] for _ in real]


def test_every_metric_agrees_with_smclarify_on_any_frame(
    compared: list[tuple[Case, dict[str, Any]]],
) -> None:
    assert [d for case, theirs in compared for d in differences(case, theirs)] == []
    values = [
        metric["value"]
        for _, theirs in compared
        for stage in STAGES.values()
        for result in theirs[stage]
        for metric in result["metrics"]
    ]
    # The frames reach the edges: metrics without a value, and infinite ones.
    assert None in values
    assert "Infinity" in values
    assert "-Infinity" in values


def test_the_descriptions_are_those_of_smclarify(
    compared: list[tuple[Case, dict[str, Any]]],
) -> None:
    theirs = {
        metric["name"]: metric["description"]
        for stage in STAGES.values()
        for metric in compared[0][1][stage][0]["metrics"]
    }
    ours = {metric.name: metric.description for found in METRICS.values() for metric in found}
    assert ours == theirs
