from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from modelyard.operations.context import Context
from modelyard.orchestrator.stacks.resources import AnalysisConfig
from modelyard.store.resources import Store
from modelyard.store.s3_uris import S3Uri
from tests.orchestrator.world import caller, new_store

CONTENT = json.dumps({"methods": {"shap": {"num_samples": 20}}, "headers": ["age"]})
URI, ROWS = "s3://assets/job/analysis_config.json", "s3://assets/copies/rows.csv"


@pytest.fixture
def store() -> Iterator[Store]:
    with new_store() as store:
        yield store


def test_the_rows_that_explanations_compare_with_are_named_where_they_lie(store: Store) -> None:
    written: dict[str, object] = {}

    def write(_context: Context, uri: S3Uri, content: bytes, _key: str) -> None:
        written[str(uri)] = json.loads(content)

    config = AnalysisConfig(store, write)
    properties = {"S3Uri": URI, "Content": CONTENT, "ShapBaseline": ROWS}
    assert config.problems(caller(), "config", properties) == []
    config.create(caller(), "config", properties, {})
    shap = {"num_samples": 20, "baseline": ROWS}
    assert written == {URI: {"methods": {"shap": shap}, "headers": ["age"]}}


@pytest.mark.parametrize("content", ['{"methods": {"report": {}}}', "[]", "no JSON"])
def test_rows_are_refused_where_nothing_is_explained(store: Store, content: str) -> None:
    config = AnalysisConfig(store, lambda *_: None)
    properties = {"S3Uri": URI, "Content": content, "ShapBaseline": ROWS}
    assert config.problems(caller(), "config", properties) == [
        "ShapBaseline is for a Content with methods.shap only: leave it out"
    ]
