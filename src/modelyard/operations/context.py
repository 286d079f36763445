"""Who calls, on behalf of which account, in which region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Principal:
    """An authenticated caller.

    `arn` is what `GetCallerIdentity` answers: `arn:aws:iam::<account>:root`, or for a role's
    session `arn:aws:sts::<account>:assumed-role/<role>/<session>`.
    """

    account: str
    arn: str
    user_id: str
    person: str = ""  # the ARN of who stands behind a role's session; that of anyone else is `arn`
    role: str = ""  # the ARN of the role, of a role's session
    chain: tuple[str, ...] = ()  # the roles that were assumed on the way to it, `role` the last
    source_identity: str = ""  # what the first of them was given as SourceIdentity

    def __post_init__(self) -> None:
        if not self.person:
            object.__setattr__(self, "person", self.arn)

    @property
    def is_root(self) -> bool:
        return self.arn.endswith(":root")

    def to_json(self) -> dict[str, Any]:
        """Return what a workflow keeps of the caller on whose behalf it acts."""
        return {**asdict(self), "chain": list(self.chain)}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """Return the principal that `to_json` kept."""
        return cls(**{**kept, "chain": tuple(kept.get("chain", ()))})


@dataclass(frozen=True, kw_only=True)
class Context:
    """What an operation knows about its call beside the request itself."""

    account: str
    region: str
    principal: Principal
    request_id: str
    source: str  # the caller's address, or "in-process"
    door: str = "in-process"  # which of the server's the call came through
