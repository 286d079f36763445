from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.identity.wildcards import arn_matches, matches


def as_regular_expression(pattern: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)


@given(st.text("ab*?", max_size=8), st.text("ab*?", max_size=10))
def test_a_pattern_takes_what_its_regular_expression_takes(pattern: str, text: str) -> None:
    expected = re.fullmatch(as_regular_expression(pattern), text, re.DOTALL) is not None
    assert matches(pattern, text) == expected


def test_a_pattern_made_to_take_for_ever_does_not() -> None:
    assert not matches("*a" * 200 + "b", "a" * 2000)


@pytest.mark.parametrize(
    ("pattern", "arn", "expected"),
    [
        ("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/a:b/c", True),
        ("arn:aws:*:*:*:*", "arn:aws:sagemaker:us-east-1:123456789012:model/m", True),
        # A star ends at the colon: this one names any service, not any ARN.
        ("arn:aws:*", "arn:aws:sagemaker:us-east-1:123456789012:model/m", False),
        ("arn:aws:s*:model/m", "arn:aws:sagemaker:us-east-1:123456789012:model/m", False),
    ],
)
def test_a_wildcard_stays_within_its_part_of_an_arn(pattern: str, arn: str, expected: bool) -> None:
    assert arn_matches(pattern, arn) == expected
