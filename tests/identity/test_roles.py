from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from modelyard.identity.roles import ensure_default_role, require_role
from modelyard.operations.errors import ValidationError
from tests.identity.world import ACCOUNT, DEFAULT_ROLE_ARN, World


def test_of_many_first_starts_one_makes_the_role(home: World) -> None:
    with ThreadPoolExecutor(4) as pool:
        roles = list(pool.map(lambda _: ensure_default_role(home.store, "2" * 12), range(4)))
    assert {role.id for role in roles} == {roles[0].id}


def test_a_role_that_exists_is_returned(home: World) -> None:
    with home.store.read() as snapshot:
        assert require_role(snapshot, ACCOUNT, DEFAULT_ROLE_ARN).name == "modelyard-execution"


@pytest.mark.parametrize(
    ("arn", "why"),
    [
        (f"arn:aws:iam::{ACCOUNT}:role/nobody", "there is no such role"),
        ("arn:aws:iam::999999999999:role/modelyard-execution", "account 999999999999"),
        (f"arn:aws:iam::{ACCOUNT}:user/u", "not the ARN of a role"),
        (f"arn:aws:s3::{ACCOUNT}:role/modelyard-execution", "not the ARN of a role"),
        ("nonsense", "is not an ARN"),
    ],
)
def test_a_role_that_a_job_cannot_run_as_is_named(home: World, arn: str, why: str) -> None:
    with (
        home.store.write() as transaction,
        pytest.raises(ValidationError, match=why) as caught,
    ):
        require_role(transaction, ACCOUNT, arn)
    assert arn in caught.value.message
