from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modelyard.images.model_monitor.settings import Settings
from modelyard.images.processing.errors import ClientError
from modelyard.images.processing.layout import Layout

GIVEN = {
    "dataset_source": "/opt/ml/processing/input",
    "output_path": "file:///opt/ml/processing/output",
    "dataset_format": '{"csv": {"header": false}}',
}


def read(**settings: str) -> Settings:
    return Settings.read({**GIVEN, **settings}, Layout(Path("/base")))


def test_paths_of_the_contract_move_with_the_base_folder() -> None:
    settings = read(baseline_constraints="/elsewhere/constraints.json")
    assert settings.dataset_source == Path("/base/processing/input")
    assert settings.output == Path("/base/processing/output")
    assert settings.baseline_constraints == Path("/elsewhere/constraints.json")


def test_times_are_in_utc_and_named_in_words() -> None:
    settings = read(start_time="2026-03-01T10:00:00Z", end_time="2026-03-01T12:00:00+01:00")
    assert settings.end == datetime(2026, 3, 1, 11, tzinfo=UTC)
    assert settings.window == "between 2026-03-01T10:00:00Z and 2026-03-01T11:00:00Z"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P2D", timedelta(days=2)),
        ("PT6H", timedelta(hours=6)),
        ("P1DT30M", timedelta(days=1, minutes=30)),
    ],
)
def test_durations_are_those_of_iso_8601(text: str, expected: timedelta) -> None:
    assert read(late_label_window=text).late_labels == expected


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ClientError) as caught:
        Settings.read(
            {
                "dataset_format": "{",
                "start_time": "yesterday",
                "late_label_window": "P",
                "analysis_type": "MAGIC",
                "categorical_drift_method": "Guess",
                "probability_threshold_attribute": "2",
            },
            Layout(Path("/base")),
        )
    for words in (
        "dataset_format '{' is not JSON",
        "start_time 'yesterday' must be a time",
        "late_label_window 'P' must be a duration",
        "analysis_type 'MAGIC' must be one of",
        "categorical_drift_method 'Guess' must be one of",
        "probability_threshold_attribute '2' must be a number from 0 to 1",
        "dataset_source must be given",
        "output_path must be given",
    ):
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"problem_type": "Guessing"},
            "The Guessing is not valid. ProblemType must be "
            "['Regression', 'BinaryClassification', 'MulticlassClassification']",
        ),
        (
            {"problem_type": "Regression"},
            "InferenceAttribute must not be provided for ProblemType: "
            "Regression or MulticlassClassification; GroundTruthAttribute must be provided",
        ),
        (
            {"problem_type": "BinaryClassification", "ground_truth_attribute": "y"},
            "InferenceAttribute or (ProbabilityAttribute/ProbabilityThresholdAttribute) must be "
            "provided for ProblemType: BinaryClassification",
        ),
    ],
)
def test_model_quality_is_refused_in_the_references_words(
    settings: dict[str, str], message: str
) -> None:
    with pytest.raises(ClientError) as caught:
        read(analysis_type="MODEL_QUALITY", **settings)
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["{}", "[]", '{"csv": {}, "json": {}}', '{"avro": {}}'])
def test_a_format_that_is_not_offered_names_those_that_are(text: str) -> None:
    with pytest.raises(ClientError, match="must name one of csv, json, parquet"):
        read(dataset_format=text)
