"""analysis_config.json: what the SDK makes is understood, and all that is wrong is told at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.images.clarify.bias.metric import Stage
from modelyard.images.clarify.config.reading import CAPTURE_TYPE, parse, read
from modelyard.images.processing.errors import ClientError
from tests.images.clarify.oracles import ask

SCRIPT = Path(__file__).with_name("sdk_configs.py")


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    found: dict[str, Any] = ask("sagemaker-v2", SCRIPT, None)
    return found


def smallest(**more: Any) -> dict[str, Any]:
    return {
        "dataset_type": "text/csv",
        "label": "y",
        "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "sex"}],
        "methods": {"pre_training_bias": {"methods": "all"}},
        **more,
    }


def test_every_configuration_of_the_sdk_is_understood(made: dict[str, Any]) -> None:
    bias, pre, post, explained, both, all_of_it = map(parse, made["jobs"])
    assert list(bias.bias) == list(Stage)
    assert bias.facets[0].values == [0]
    assert bias.probability_threshold == 0.7
    assert bias.predictor is not None
    assert bias.predictor.label_headers == ["yes"]
    assert pre.bias == {Stage.PRE_TRAINING: ["CI", "DPL"]}
    assert pre.group == "age"
    assert list(post.bias) == [Stage.POST_TRAINING]
    assert post.predicted_label == "age"
    assert explained.shap is not None
    assert explained.shap.baseline == [[30, 1]]
    assert explained.shap.aggregation == "mean_sq"
    assert explained.shap.use_logit
    assert both.shap is not None
    assert both.shap.clusters == 2
    assert both.shap.features == ["age"]
    assert both.pdp is not None
    assert both.excluded == ["sex"]
    assert all_of_it.join_source == "age"
    assert all_of_it.report_name == "report"
    assert all_of_it.report_title == "Analysis Report"


def test_what_monitors_leave_out_is_what_they_mean(made: dict[str, Any]) -> None:
    bias, explained = (parse(config, monitors=True) for config in made["monitors"])
    assert bias.dataset_type == CAPTURE_TYPE
    assert {stage: len(names) for stage, names in bias.bias.items()} == {
        Stage.PRE_TRAINING: 8,
        Stage.POST_TRAINING: 13,
    }
    assert explained.shap is not None
    assert not explained.bias
    with pytest.raises(ClientError, match="dataset_type is missing: it is required; methods is"):
        parse(made["monitors"][0])


def test_everything_that_is_wrong_is_told_at_once() -> None:
    config = smallest(dataset_type="text/tsv", headers="a,b", unknown=1)
    config["methods"]["shap"] = {"agg_method": "max", "num_samples": 0}
    with pytest.raises(ClientError) as caught:
        parse(config)
    message = str(caught.value)
    for part in (
        'dataset_type is "text/tsv": it must be one of text/csv,',
        'headers is "a,b": it must be of type array',
        "the configuration has unknown, which nobody reads: known are version",
        'methods.shap.agg_method is "max": it must be one of mean_abs, median, mean_sq',
        "methods.shap.num_samples: 0 is less than the minimum of 1",
    ):
        assert part in message


def test_all_rules_that_are_broken_are_told_at_once() -> None:
    config = smallest(label_values_or_threshold=[], facet=[])
    config["methods"] = {
        "pre_training_bias": {"methods": ["CI", "DI"]},
        "post_training_bias": {"methods": "XX"},
        "shap": {"baseline": [[1]], "num_clusters": 3},
    }
    with pytest.raises(ClientError) as caught:
        parse(config)
    message = str(caught.value)
    for part in (
        "methods.pre_training_bias.methods has DI: known are all, CDDL, CI, DPL, JS, KL, KS, LP,",
        "methods.post_training_bias.methods has XX: known are all, AD, CDDPL,",
        "facet is missing: pre_training_bias and post_training_bias need it",
        "label_values_or_threshold is missing",
        "post_training_bias needs predictor or predicted_label, and neither is given",
        "methods.shap needs predictor, the model to explain",
        "methods.shap has both baseline and num_clusters: give one of them",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"methods": {}}, "methods has nothing to compute: give one of shap, pre_training_bias"),
        ({"dataset_type": "application/x-image"}, "explanations of images are not offered"),
        ({"segment_config": []}, "segment_config is given: metrics by segment are not offered"),
        ({"facet_dataset_uri": "s3://x"}, "put them into the dataset, and name them in excluded"),
        ({"predictor": {"content_type": "image/png"}}, "only text/csv, application/jsonlines and"),
        (
            {"predictor": {"content_type": "application/jsonlines"}},
            r"content_template must hold \$features",
        ),
        (
            {"predictor": {"content_type": "application/json"}},
            r"content_template must hold \$record .*record_template must hold \$features",
        ),
        ({"methods": {"pdp": {"grid_resolution": 5}}}, "without methods.shap nothing tells which"),
        (
            {"methods": {"report": {"name": "../../etc/passwd"}, "shap": {}}},
            "methods.report.name: .* does not match",
        ),
    ],
)
def test_a_rule_that_is_broken_is_told(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=message):
        parse(smallest(**change))


def test_case_does_not_matter_where_the_sdk_says_so() -> None:
    config = smallest(dataset_type="TEXT/CSV", predictor={"accept_type": "Text/Csv"})
    config["methods"]["shap"] = {"agg_method": "MEAN_ABS"}
    found = parse(config)
    assert found.dataset_type == "text/csv"
    assert found.shap is not None
    assert found.shap.aggregation == "mean_abs"


def test_a_file_that_is_missing_or_no_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "analysis_config.json"
    with pytest.raises(ClientError, match=r"There is no analysis_config\.json in"):
        read(path, monitors=False)
    path.write_text("{")
    with pytest.raises(ClientError, match=r"analysis_config\.json is not JSON"):
        read(path, monitors=False)
    path.write_text("[]")
    with pytest.raises(ClientError, match="must hold a JSON object"):
        read(path, monitors=False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["dataset_type", "methods", "facet", "predictor", "headers", "label"]), JSON
    ),
    st.booleans(),
)
def test_no_configuration_is_refused_without_a_reason(config: Any, monitors: bool) -> None:
    try:
        parse(json.loads(json.dumps(config)), monitors=monitors)
    except ClientError as error:
        assert str(error)
