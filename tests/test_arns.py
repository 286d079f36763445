from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.arns import Arn, role_arn, sagemaker_arn

WORDS = st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True)
ACCOUNTS = st.from_regex(r"[0-9]{12}", fullmatch=True).filter(str.isascii)


@given(WORDS, WORDS, ACCOUNTS, st.from_regex(r"\S{1,40}", fullmatch=True))
def test_an_arn_is_read_as_it_was_written(
    service: str, region: str, account: str, resource: str
) -> None:
    arn = Arn(service=service, region=region, account=account, resource=resource)
    assert Arn.parse(str(arn)) == arn


def test_a_resource_has_a_kind_and_a_name() -> None:
    text = sagemaker_arn(account="123456789012", region="eu-west-1", kind="training-job", name="a")
    assert text == "arn:aws:sagemaker:eu-west-1:123456789012:training-job/a"
    assert (Arn.parse(text).kind, Arn.parse(text).name) == ("training-job", "a")


def test_a_name_may_hold_further_slashes() -> None:
    arn = Arn.parse("arn:aws:sagemaker:us-east-1:123456789012:model-package/group/3")
    assert (arn.kind, arn.name) == ("model-package", "group/3")


def test_a_role_has_no_region() -> None:
    assert role_arn(account="123456789012", name="r") == "arn:aws:iam::123456789012:role/r"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "arn",
        "arn:aws:sagemaker:us-east-1:123456789012",
        "arn:aws:sagemaker:us-east-1:12345:training-job/a",
        "arn:aws:sagemaker:us-east-1:123456789012:",
        "arn:aws:sagemaker:us-east-1:123456789012:training-job/a b",
        "arn:aws:sagemaker:us-east-1:123456789012:training-job/a\n",
        "ARN:aws:sagemaker:us-east-1:123456789012:training-job/a",
        "arn:gcp:sagemaker:us-east-1:123456789012:training-job/a",
        "arn:aws:sagemaker:us-east-1:١٢٣٤٥٦٧٨٩٠١٢:training-job/a",
    ],
)
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="is not an ARN"):
        Arn.parse(text)
