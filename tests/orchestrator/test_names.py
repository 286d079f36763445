"""Names that are made."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.orchestrator.names import physical_name, random_id, shortened

words = st.text(alphabet="abcXYZ019-", min_size=1, max_size=150)


@given(words, st.integers(10, 128))
def test_a_shortened_name_fits_and_stays_the_same(text: str, limit: int) -> None:
    name = shortened(text, limit)
    assert len(name) <= limit
    assert name == shortened(text, limit)
    assert name == text or len(text) > limit


@given(st.sets(words, min_size=2, max_size=5))
def test_different_names_stay_different(texts: set[str]) -> None:
    assert len({shortened(text, 20) for text in texts}) == len(texts)


def test_a_limit_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="no room"):
        shortened("text", 9)


def test_a_physical_name_is_readable_and_new() -> None:
    name = physical_name("stack", "Model", 63)
    assert re.fullmatch(r"stack-Model-[a-z0-9]{12}", name)
    assert name != physical_name("stack", "Model", 63)
    assert len(random_id(10)) == 10


@given(words, words, st.integers(40, 128))
def test_a_physical_name_fits_its_limit(stack: str, logical_id: str, limit: int) -> None:
    name = physical_name(stack, logical_id, limit)
    assert len(name) <= limit
    assert logical_id in name or len(logical_id) > limit - 12 - 2 - 10


def test_a_long_stacks_name_gives_way_to_the_resources() -> None:
    name = physical_name("mlops-pipeline-churn-byompipelinerealtimebuiltin", "Endpoint", 63)
    assert re.fullmatch(r"mlops-pipeline-churn-byompipelin-[0-9a-f]{8}-Endpoint-[a-z0-9]{12}", name)
