from __future__ import annotations

import pytest

from modelyard.api.s3.actions import Wanted, wanted
from modelyard.api.s3.operations import HANDLERS


@pytest.mark.parametrize("operation", sorted(HANDLERS))
def test_every_operation_asks_to_be_allowed(operation: str) -> None:
    needed = wanted(operation, "b", "k", {})
    assert needed
    assert all(one.action.startswith("s3:") for one in needed)
    assert {one.resource for one in needed} <= {"arn:aws:s3:::b/k", "arn:aws:s3:::b/*"}


def test_a_copy_asks_to_read_what_it_copies() -> None:
    needed = wanted("CopyObject", "b", "k", {"x-amz-copy-source": "/other/a%20b?versionId=1"})
    assert needed == [
        Wanted(action="s3:GetObject", resource="arn:aws:s3:::other/a b"),
        Wanted(action="s3:PutObject", resource="arn:aws:s3:::b/k"),
    ]


def test_deleting_many_objects_takes_leave_to_delete_any() -> None:
    assert wanted("DeleteObjects", "b", "", {}) == [
        Wanted(action="s3:DeleteObject", resource="arn:aws:s3:::b/*")
    ]
    assert wanted("ListBuckets", "", "", {})[0].resource == "arn:aws:s3:::*"
