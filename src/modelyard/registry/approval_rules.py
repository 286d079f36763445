"""The approval policy as data: for each stage, who approves, how many, and on what evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from modelyard.identity.wildcards import matches
from modelyard.registry.evidence import CHECKS
from modelyard.registry.references import GROUP
from modelyard.store.resources import Scope, Snapshot

KIND = "approval-policy"
#: The name of the policy of all groups that have none of their own.
EVERY_GROUP = "default"
#: The stage of a rule for all stages without one, and for approval without a stage.
EVERY_STAGE = "*"
ROOT = "root"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Who may approve for some stages, and when."""

    stages: tuple[str, ...]
    author_may_approve: bool = False
    personas: tuple[str, ...] = ()  # of the owner's account; `root` is its root
    principals: tuple[str, ...] = ()  # ARNs of persons, users or roles, of any account; * and ?
    required_approvals: int = 1  # of so many persons
    evidence: tuple[str, ...] = ()  # of `evidence.CHECKS`

    def accepts(self, arns: Sequence[str], personas: Sequence[str]) -> bool:
        """Return whether somebody of these names and personas may approve."""
        return bool(set(personas) & set(self.personas)) or any(
            matches(pattern, arn) for pattern in self.principals for arn in arns
        )

    @property
    def approvers(self) -> str:
        """Who may approve, in words."""
        return ", ".join([*self.personas, *self.principals]) or "nobody"


@cache
def shipped() -> Mapping[str, Any]:
    """Return the policy that holds where nobody has put another."""
    text = resources.files("modelyard.registry").joinpath("default_approval_policy.json")
    found: Mapping[str, Any] = json.loads(text.read_text())
    return found


def problems(policy: Mapping[str, Any]) -> list[str]:
    """Return everything that is wrong with a policy; its types are right already."""
    found: list[str] = []
    seen: dict[str, int] = {}
    for number, rule in enumerate(policy["Rules"]):
        where = f"Policy.Rules[{number}]"
        for stage in rule["Stages"]:
            if stage.lower() in seen:
                found.append(
                    f"{where}.Stages: {stage!r} is in Rules[{seen[stage.lower()]}] already: a "
                    "stage has one rule"
                )
            seen.setdefault(stage.lower(), number)
        if not rule.get("Personas") and not rule.get("Principals"):
            found.append(f"{where}: nobody could approve: name Personas or Principals")
        for name in rule.get("Evidence", []):
            if name not in CHECKS:
                found.append(
                    f"{where}.Evidence: {name!r} is not a check: use {', '.join(sorted(CHECKS))}"
                )
    if EVERY_STAGE not in seen:
        found.append("Policy.Rules: one rule must be for the stage '*', which is all others")
    return found


def rule_for(policy: Mapping[str, Any], stage: str | None) -> Rule:
    """Return the rule of a stage; large and small letters are the same."""
    wanted = EVERY_STAGE if stage is None else stage.lower()
    for name in (wanted, EVERY_STAGE):
        for rule in policy["Rules"]:
            if name in (one.lower() for one in rule["Stages"]):
                return Rule(
                    stages=tuple(rule["Stages"]),
                    author_may_approve=rule.get("AuthorMayApprove", False),
                    personas=tuple(rule.get("Personas", ())),
                    principals=tuple(rule.get("Principals", ())),
                    required_approvals=rule.get("RequiredApprovals", 1),
                    evidence=tuple(rule.get("Evidence", ())),
                )
    raise ValueError("the policy has no rule for the stage '*'")


def policy_of(snapshot: Snapshot, scope: Scope, group: str | None) -> tuple[Mapping[str, Any], str]:
    """Return the policy that holds for a group, and whose it is: group, account or shipped."""
    names = ([f"{GROUP}/{group}"] if group is not None else []) + [EVERY_GROUP]
    for name in names:
        found = snapshot.find(scope, KIND, name)
        if found is not None:
            return found.spec["Policy"], "Account" if name == EVERY_GROUP else "Group"
    return shipped(), "Shipped"
