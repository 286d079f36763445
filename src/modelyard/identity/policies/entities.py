"""Who acts, and on what, as Cedar's entities.

A principal is a `Modelyard::Root`, a `User` or a `Session`; it is `in` its account
(`Modelyard::Account::"123456789012"`), in its role if it is a session
(`Modelyard::Role::"arn:aws:iam::…:role/data-scientist"`) and in its personas
(`Modelyard::Persona::"data-scientist"`). A resource is a `Modelyard::Resource`, called by its ARN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelyard.arns import Arn
from modelyard.identity.policies.actions import groups_of

NAMESPACE = "Modelyard"
ROOT, USER, SESSION, ANONYMOUS = (
    f"{NAMESPACE}::{name}" for name in ("Root", "User", "Session", "Anonymous")
)
PERSONA, ROLE, ACCOUNT, ACTION, RESOURCE = (
    f"{NAMESPACE}::{name}" for name in ("Persona", "Role", "Account", "Action", "Resource")
)

Uid = tuple[str, str]  # an entity's type and its id


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A principal with all that policies may ask of it."""

    type: str
    arn: str
    account: str
    stage: str  # of its account: "orchestrator", "dev", "staging", "prod"; "" if unknown
    personas: frozenset[str] = frozenset()
    person: str = ""
    role: str = ""  # the role's ARN, of a session
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)
    source_identity: str = ""
    user_id: str = ""

    @property
    def ancestors(self) -> frozenset[Uid]:
        """What it is `in`, beside itself."""
        found = {(PERSONA, persona) for persona in self.personas}
        if self.account:
            found.add((ACCOUNT, self.account))
        if self.role:
            found.add((ROLE, self.role))
        return frozenset(found)

    def entity(self) -> dict[str, Any]:
        """Return it in Cedar's JSON."""
        return {
            "uid": _uid((self.type, self.arn)),
            "attrs": {
                "arn": self.arn,
                "account": self.account,
                "stage": self.stage,
                "person": self.person or self.arn,
                "role": self.role.rpartition("/")[2],
                "personas": sorted(self.personas),
            },
            "parents": [_uid(uid) for uid in sorted(self.ancestors)],
            "tags": dict(self.tags),
        }


@dataclass(frozen=True, kw_only=True)
class Target:
    """A resource with all that policies may ask of it."""

    arn: str
    account: str  # whose it is; of an ARN without one, that of the call
    stage: str
    region: str = ""
    service: str = ""
    kind: str = ""
    name: str = ""
    personas: frozenset[str] = frozenset()  # of a role: those of its sessions
    state: Mapping[str, str] = field(default_factory=dict)  # status, approval, lifecycle_stage …
    tags: Mapping[str, str] = field(default_factory=dict)

    def entity(self) -> dict[str, Any]:
        """Return it in Cedar's JSON."""
        return {
            "uid": _uid((RESOURCE, self.arn)),
            "attrs": {
                **self.state,
                "arn": self.arn,
                "account": self.account,
                "stage": self.stage,
                "region": self.region,
                "service": self.service,
                "kind": self.kind,
                "name": self.name,
                "personas": sorted(self.personas),
            },
            "parents": [],
            "tags": dict(self.tags),
        }


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What an ARN says; of what is no ARN, such as `*`, nothing."""

    account: str = ""
    region: str = ""
    service: str = ""
    kind: str = ""
    name: str = ""

    @classmethod
    def of(cls, arn: str) -> Parts:
        """Return the parts of a resource's name."""
        try:
            found = Arn.parse(arn)
        except ValueError:
            return cls()
        kind, name = found.kind, found.name
        if found.service == "s3":
            kind, name = ("object" if name else "bucket"), found.resource
        elif not name and ":" in found.resource:  # `log-group:/aws/sagemaker/TrainingJobs`
            kind, _, name = found.resource.partition(":")
        return cls(
            account=found.account,
            region=found.region,
            service=found.service,
            kind=kind,
            name=name,
        )


def action_entity(action: str) -> dict[str, Any]:
    """Return an action in Cedar's JSON, in its groups."""
    parents = [_uid((ACTION, group)) for group in sorted(groups_of(action))]
    return {"uid": _uid((ACTION, action)), "attrs": {}, "parents": parents}


def _uid(uid: Uid) -> dict[str, str]:
    return {"type": uid[0], "id": uid[1]}
