"""`modelyard delete --all`: the order, the question, and what is said to be kept."""

from __future__ import annotations

from datetime import UTC, datetime

from modelyard.cli.uninstalling import Pipeline, in_order


def pipeline(name: str, day: int) -> Pipeline:
    return Pipeline(id=name, name=name, created=datetime(2026, 1, day, tzinfo=UTC))


def test_monitors_go_first_and_of_each_the_newest() -> None:
    found = [
        pipeline("mlops-pipeline-a-byompipelinerealtimebuiltin-codepipeline", 3),
        pipeline("mlops-pipeline-a-byomdataqualitymonitor-codepipeline", 1),
        pipeline("mlops-pipeline-b-modeltraining-codepipeline", 4),
        pipeline("mlops-pipeline-a-byommodelexplainabilitymonitor-codepipeline", 2),
        pipeline("mlops-pipeline-v1-byompipelineimagebuilder", 5),
    ]
    assert [one.created.day for one in in_order(found)] == [2, 1, 5, 4, 3]


def test_a_model_called_like_a_monitor_is_none() -> None:
    named = pipeline("mlops-pipeline-byomdataqualitymonitor-modeltraining-codepipeline", 1)
    assert not named.is_monitor
