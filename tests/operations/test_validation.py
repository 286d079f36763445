from __future__ import annotations

import pytest
from botocore.model import StructureShape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelyard.operations.conversion import converted
from modelyard.operations.schema import Schema
from modelyard.operations.validation import violations
from tests.operations.requests import changed, changes, path_text, structures

SCHEMA = Schema()
OPERATIONS = [
    "CreateTrainingJob",
    "CreateModel",
    "CreateEndpointConfig",
    "UpdateEndpoint",
    "ListTrainingJobs",
    "AddTags",
]


def input_of(name: str) -> StructureShape:
    shape = SCHEMA.input_shape("sagemaker", name)
    assert shape is not None
    return shape


slow_to_make = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
    ],
)


@pytest.mark.parametrize("name", OPERATIONS)
@given(data=st.data())
@slow_to_make
def test_a_request_that_fits_by_construction_passes(name: str, data: st.DataObject) -> None:
    shape = input_of(name)
    request = data.draw(structures(shape, 2))
    assert violations(shape, request) == []
    SCHEMA.convert("sagemaker", name, request)


@pytest.mark.parametrize("name", OPERATIONS)
@given(data=st.data())
@slow_to_make
def test_a_single_change_for_the_worse_is_reported_once(name: str, data: st.DataObject) -> None:
    shape = input_of(name)
    request = data.draw(structures(shape, 2))
    path, value = data.draw(st.sampled_from(list(changes(shape, request))))
    found = violations(shape, changed(request, path, value))
    assert len(found) == 1
    if "NoMemberOfAnything" in path:
        assert "NoMemberOfAnything" in found[0]
    else:
        assert path_text(shape, path)[:100] in found[0]


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(list(input_of("CreateTrainingJob").members)), json, max_size=4)
)
@settings(max_examples=100, deadline=None)
def test_whatever_comes_is_answered_in_sentences(request: dict[str, object]) -> None:
    found = violations(input_of("CreateTrainingJob"), request)
    assert found
    assert all("failed to satisfy" in text or "is not a member" in text for text in found)


def test_an_operation_without_an_input_takes_nothing() -> None:
    assert violations(None, {}) == []
    assert violations(None, {"A": 1}) == ["This operation takes no members"]
    assert converted(None, {}) == {}


def test_a_model_cards_content_may_go_over_lines() -> None:
    content = '{\n  "model_overview": {}\n}\n'
    request = {"ModelCardName": "c", "ModelCardStatus": "Draft", "Content": content}
    assert violations(input_of("CreateModelCard"), request) == []
