"""Amazon Resource Names: how every resource is named from outside.

Format: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Self

_PATTERN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?P<service>[a-z0-9-]+):(?P<region>[a-z0-9-]*)"
    r":(?P<account>[0-9]{12}|):(?P<resource>\S+)"
)


@dataclass(frozen=True, kw_only=True)
class Arn:
    """One resource's name: `arn:aws:<service>:<region>:<account>:<resource>`."""

    service: str
    region: str
    account: str
    resource: str
    partition: str = "aws"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the parts of `text`.

        Raises:
            ValueError: `text` is not an ARN.
        """
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not an ARN (arn:aws:service:region:account:resource)")
        return cls(**match.groupdict())

    @property
    def kind(self) -> str:
        """The part of the resource ahead of the first slash, `training-job`."""
        return self.resource.partition("/")[0]

    @property
    def name(self) -> str:
        """The part of the resource behind the first slash, the job's own name."""
        return self.resource.partition("/")[2]

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


def sagemaker_arn(*, account: str, region: str, kind: str, name: str) -> str:
    """Return `arn:aws:sagemaker:<region>:<account>:<kind>/<name>`; clients split on the slash."""
    return str(Arn(service="sagemaker", region=region, account=account, resource=f"{kind}/{name}"))


def role_arn(*, account: str, name: str) -> str:
    """Return `arn:aws:iam::<account>:role/<name>`."""
    return str(Arn(service="iam", region="", account=account, resource=f"role/{name}"))


def assumed_role_arn(role: str, session_name: str) -> str:
    """Return `arn:aws:sts::<account>:assumed-role/<role's name>/<session>` of a role's ARN.

    A session's ARN has the role's bare name, without the path in front of it.

    Raises:
        ValueError: `role` is not the ARN of a role.
    """
    parts = Arn.parse(role)
    if parts.service != "iam" or parts.kind != "role":
        raise ValueError(f"{role!r} is not the ARN of a role")
    name = parts.name.rpartition("/")[2]
    resource = f"assumed-role/{name}/{session_name}"
    return str(Arn(service="sts", region="", account=parts.account, resource=resource))


def unique_id(prefix: str, arn: str) -> str:
    """Return IAM's unique id of a role (`AROA…`) or user (`AIDA…`): it follows from the ARN."""
    digest = hashlib.sha256(arn.encode()).digest()
    return f"{prefix}{base64.b32encode(digest).decode()[:17]}"
