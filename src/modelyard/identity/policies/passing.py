"""What a request hands on or makes use of beside what it is about, each asked about as well.

A role: who gives a job a role can do all that the role can. And a container image of another
account: who runs it can read all that is in it. Those of AWS's own registries are built in here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from modelyard.arns import Arn
from modelyard.compute.images.registries import all_registries
from modelyard.identity.policies.member_values import MemberValues
from modelyard.operations.schema import Schema

PASSING = "iam:PassRole"
PULLING = "ecr:BatchGetImage"
_ROLES = frozenset(
    {
        "DomainExecutionRoleArn",
        "ExecutionRole",
        "ExecutionRoleARN",
        "ExecutionRoleArn",
        "RoleARN",
        "RoleArn",
        "ValidationRole",
    }
)
_IMAGES = frozenset({"Image", "ImageUri", "TrainingImage"})
#: Their `RoleArn` is what the call is about, and not handed on.
_OWN_RESOURCE = frozenset({"iam", "sts", "kms", "modelyard"})
_REPOSITORY = re.compile(
    r"(?P<registry>(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[^/]+)"
    r"/(?P<name>[^:@]+)(?:[:@].*)?"
)


class Passed:
    """Finds what requests hand on or make use of. Safe to use from any thread."""

    def __init__(self, schema: Schema) -> None:
        self._roles = MemberValues(schema, _ROLES, except_of=_OWN_RESOURCE)
        self._images = MemberValues(schema, _IMAGES)

    def __call__(
        self, account: str, action: str, request: Mapping[str, Any]
    ) -> Iterator[tuple[str, str]]:
        """Yield each as the action that it takes, and the ARN that the action is on.

        Args:
            account: of the call; its own images need no leave.
        """
        for role in self._roles(action, request):
            yield PASSING, role
        for uri in self._images(action, request):
            arn = _others_repository(uri, account)
            if arn is not None:
                yield PULLING, arn


def _others_repository(uri: str, account: str) -> str | None:
    match = _REPOSITORY.fullmatch(uri)
    if match is None or match["account"] == account or match["registry"] in all_registries():
        return None
    return str(
        Arn(
            service="ecr",
            region=match["region"],
            account=match["account"],
            resource=f"repository/{match['name']}",
        )
    )
