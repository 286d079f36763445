from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.gateway.encoding import Encoders
from modelyard.gateway.errors import ModelRefusal
from modelyard.gateway.inference_output import KEYS, Selection

SCORES = np.array([0.25, 0.75], dtype=np.float32)
CLASSES = np.array([[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]], dtype=np.float32)


def encoded(encoders: Encoders, accept: str, predictions: np.typing.NDArray[np.float32]) -> str:
    return encoders.choose(accept.encode()).encode(predictions).decode()


def test_csv_is_one_line_as_the_container_writes_it() -> None:
    encoders = Encoders({}, None)
    assert encoded(encoders, "text/csv", SCORES) == "0.25,0.75"
    assert encoded(encoders, "text/csv", CLASSES) == "[0.5, 0.25, 0.25],[0.125, 0.125, 0.75]"


def test_csv_of_a_batch_transform_is_a_line_each() -> None:
    encoders = Encoders({"SAGEMAKER_BATCH": "true"}, None)
    assert encoded(encoders, "text/csv", SCORES) == "0.25\n0.75\n"


def test_json_names_each_score() -> None:
    encoders = Encoders({}, None)
    found = json.loads(encoded(encoders, "application/json", CLASSES))
    assert found == {"predictions": [{"score": row} for row in CLASSES.tolist()]}
    lines = encoded(encoders, "application/jsonlines", SCORES).splitlines()
    assert [json.loads(line) for line in lines] == [{"score": 0.25}, {"score": 0.75}]


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_scores_come_back_as_the_float32_they_are(scores: list[float]) -> None:
    predictions = np.array(scores, dtype=np.float32)
    text = encoded(Encoders({}, None), "text/csv", predictions)
    assert np.array(text.split(","), dtype=np.float32).tolist() == predictions.tolist()


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/csv; charset=utf-8"),
        ("*/*", "text/csv; charset=utf-8"),
        ("text/*", "text/csv; charset=utf-8"),
        ("Application/JSON; charset=utf-8", "application/json"),
        ("application/*", "application/json"),
        ("image/png, application/jsonlines", "application/jsonlines"),
        ("text/csv;q=0.5, application/json", "application/json"),
        ("text/csv;q=0, application/json;q=0.1", "application/json"),
    ],
)
def test_the_most_wanted_form_is_chosen(accept: str, content_type: str) -> None:
    assert Encoders({}, None).choose(accept.encode()).content_type == content_type


@pytest.mark.parametrize("accept", ["image/png", "text/csv;q=0", "text/csv;q=x"])
def test_a_form_that_is_not_known_is_406_and_names_those_that_are(accept: str) -> None:
    with pytest.raises(ModelRefusal, match=r"text/csv, application/json") as caught:
        Encoders({}, None).choose(accept.encode())
    assert caught.value.status == 406


@given(st.binary(max_size=30))
def test_any_accept_header_is_chosen_for_or_refused(accept: bytes) -> None:
    try:
        Encoders({}, None).choose(accept)
    except ModelRefusal as error:
        assert error.status == 406


def test_the_environment_names_the_default_form() -> None:
    environment = {"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "application/json"}
    assert Encoders(environment, None).choose(b"*/*").content_type == "application/json"
    with pytest.raises(ValueError, match=r"'text/html': it must be one of text/csv"):
        Encoders({"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/html"}, None)


def test_selected_facts_of_a_binary_classifier() -> None:
    wanted = "predicted_label, probability,labels,probabilities,raw_score,raw_scores"
    selection = Selection(wanted, "binary:logistic", 0)
    assert selection.of(SCORES)[0] == {
        "predicted_label": 0,
        "probability": 0.25,
        "labels": [0, 1],
        "probabilities": [0.75, 0.25],
        "raw_score": 0.25,
        "raw_scores": [0.75, 0.25],
    }
    assert selection.of(SCORES)[1]["predicted_label"] == 1


def test_selected_facts_of_a_classifier_of_several_classes() -> None:
    selection = Selection("predicted_label,probability,labels", "multi:softprob", 3)
    assert selection.of(CLASSES) == [
        {"predicted_label": 0, "probability": 0.5, "labels": [0, 1, 2]},
        {"predicted_label": 2, "probability": 0.75, "labels": [0, 1, 2]},
    ]


def test_selected_facts_of_a_regression() -> None:
    selection = Selection("predicted_score", "reg:squarederror", 0)
    assert selection.of(SCORES) == [{"predicted_score": 0.25}, {"predicted_score": 0.75}]


def test_selected_facts_are_encoded_in_the_order_asked_for() -> None:
    selection = Selection("probabilities,predicted_label", "multi:softprob", 3)
    encoders = Encoders({}, selection)
    assert (
        encoded(encoders, "text/csv", CLASSES) == '"[0.5, 0.25, 0.25]",0\n"[0.125, 0.125, 0.75]",2'
    )
    found = json.loads(encoded(encoders, "application/json", CLASSES))
    assert found["predictions"][1] == {"probabilities": [0.125, 0.125, 0.75], "predicted_label": 2}
    lines = encoded(encoders, "application/jsonlines", CLASSES).splitlines()
    assert json.loads(lines[0]) == {"probabilities": [0.5, 0.25, 0.25], "predicted_label": 0}


@pytest.mark.parametrize("objective", KEYS)
def test_every_key_of_every_objective_can_be_asked_for(objective: str) -> None:
    predictions = CLASSES if objective == "multi:softprob" else SCORES
    for key in KEYS[objective]:
        assert key in Selection(key, objective, 3).of(predictions)[0]


def test_keys_that_the_objective_does_not_know_are_refused_and_those_it_knows_named() -> None:
    with pytest.raises(ValueError, match=r"'probability', 'x': .*reg:gamma.*predicted_score"):
        Selection("probability,x", "reg:gamma", 0)
    with pytest.raises(ValueError, match=r"'rank:ndcg' does not support it"):
        Selection("predicted_score", "rank:ndcg", 0)
