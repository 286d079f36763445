"""Approving a version, or a delivery to a stage: who has, who may, and what is missing.

A version keeps its approvals as a list, oldest first; nothing is taken from it. There are two kinds
of approval: of the version itself (`ModelApprovalStatus`), under the rule of the stage that it is
in, and of a stage of its life cycle (`StageStatus` Approved), under that stage's rule. A round of
approvals begins with the last entry that was none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelyard.operations.context import Context, Principal
from modelyard.operations.errors import AccessDenied, ValidationError
from modelyard.registry import evidence
from modelyard.registry.approval_rules import ROOT, Rule, policy_of, rule_for
from modelyard.registry.evidence import CardProblems, Outside
from modelyard.store.resources import Scope, Snapshot

APPROVED, REJECTED, PENDING = "Approved", "Rejected", "PendingManualApproval"

Entry = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The version that is to be approved, as it will be."""

    scope: Scope
    arn: str
    group: str | None
    author: str  # the ARN of the person
    members: Mapping[str, Any] | None  # None: it is no version, and shows no evidence
    history: Sequence[Entry]
    made: str = "registered"  # what the author did


@dataclass(frozen=True, kw_only=True)
class People:
    """What is known of persons.

    Args:
        personas: of a principal.
        has_users: whether an account has any user beside its root.
    """

    personas: Callable[[Snapshot, Principal], Sequence[str]]
    has_users: Callable[[Snapshot, str], bool]


class Approvals:
    """Decides on changes of approval.

    Args:
        exists: tells whether there is something at a URI, in a bucket of one of some accounts.
        card_problems: says what is wrong with the content of a model card, by its schema.
    """

    def __init__(
        self,
        people: People,
        exists: Callable[[Sequence[str], str], bool],
        card_problems: CardProblems,
    ) -> None:
        self._people = people
        self._exists = exists
        self._card_problems = card_problems

    def decide(
        self,
        snapshot: Snapshot,
        context: Context,
        subject: Subject,
        *,
        stage: str | None,
        of_stage: bool,
        before: str,
        wanted: str,
        reason: str,
        at: str,
    ) -> Entry:
        """Return the entry that a wanted change makes; its `to` is the status from now on.

        Args:
            stage: whose rule holds.
            of_stage: it is the stage that is approved, and not the version.
            at: the time, ISO 8601.

        Raises:
            AccessDenied: the caller may not approve, or not this version.
            ValidationError: it was approved already, or lacks evidence.
        """
        rule = rule_for(policy_of(snapshot, subject.scope, subject.group)[0], stage)
        asked = _Asked(context, subject, rule, stage, of_stage, wanted)
        own = context.principal.person == subject.author
        entry: Entry = {
            "Person": context.principal.person,
            "Principal": context.principal.arn,
            "At": at,
            "From": before,
            "To": wanted,
            "Reason": reason,
            **({"Stage": stage} if stage is not None else {}),
            "OfStage": of_stage,
            "SelfApproved": False,
        }
        if wanted != APPROVED:
            # Who wrote it may withdraw it.
            if not own:
                self._require_approver(snapshot, asked)
            return entry
        self._require_approver(snapshot, asked)
        if own and not rule.author_may_approve:
            self._require_alone(snapshot, asked)
        entry["SelfApproved"] = own
        so_far = _round(subject.history, of_stage=of_stage, stage=stage)
        _require_new(asked, before, so_far)
        self._require_evidence(asked)
        if len(so_far) + 1 < rule.required_approvals:
            entry["To"] = before
            entry["Counted"] = f"{len(so_far) + 1} of {rule.required_approvals}"
        return entry

    def missing(self, snapshot: Snapshot, subject: Subject, stage: str | None) -> list[str]:
        """Return the evidence that approval for a stage still needs."""
        rule = rule_for(policy_of(snapshot, subject.scope, subject.group)[0], stage)
        return evidence.problems(list(rule.evidence), subject.members or {}, self._outside(subject))

    def _require_approver(self, snapshot: Snapshot, asked: _Asked) -> None:
        principal = asked.context.principal
        personas: Sequence[str] = ()
        if principal.account == asked.subject.scope.account:
            # Another account says of its people what it likes; it counts for nothing here.
            personas = (
                *self._people.personas(snapshot, principal),
                *([ROOT] if principal.is_root else []),
            )
        if not asked.rule.accepts([principal.person, principal.arn, principal.role], personas):
            raise AccessDenied(
                f"User: {principal.person} may not approve or reject {asked.what}: by the approval "
                f"policy these may: {asked.rule.approvers}"
            )

    def _require_alone(self, snapshot: Snapshot, asked: _Asked) -> None:
        principal, account = asked.context.principal, asked.subject.scope.account
        alone = (
            principal.is_root
            and principal.account == account
            and not self._people.has_users(snapshot, account)
        )
        if not alone:
            raise AccessDenied(
                f"User: {principal.person} {asked.subject.made} {asked.subject.arn} and "
                "so may not approve it: by the approval policy somebody else must "
                f"({asked.rule.approvers}). The root of an account is exempt only while the "
                "account has no user beside it"
            )

    def _require_evidence(self, asked: _Asked) -> None:
        if asked.subject.members is None:
            return
        lacking = evidence.problems(
            list(asked.rule.evidence), asked.subject.members, self._outside(asked.subject)
        )
        if lacking:
            raise ValidationError(
                f"Cannot approve {asked.what}: the approval policy asks for evidence that is not "
                f"there: {'; '.join(lacking)}"
            )

    def _outside(self, subject: Subject) -> Outside:
        accounts = [subject.scope.account, *_account_of(subject.author)]
        return Outside(
            exists=lambda url: self._exists(accounts, url), card_problems=self._card_problems
        )


@dataclass(frozen=True)
class _Asked:
    context: Context
    subject: Subject
    rule: Rule
    stage: str | None
    of_stage: bool
    wanted: str

    @property
    def what(self) -> str:
        if self.of_stage:
            return f"the stage {self.stage} of {self.subject.arn}"
        return self.subject.arn


def _round(history: Sequence[Entry], *, of_stage: bool, stage: str | None) -> list[Entry]:
    """Return the approvals since the last entry of their kind that was none."""
    found: list[Entry] = []
    for entry in history:
        if entry["OfStage"] != of_stage or (of_stage and entry.get("Stage") != stage):
            continue
        if entry["To"] == APPROVED or "Counted" in entry:
            found.append(entry)
        else:
            found = []
    return found


def _require_new(asked: _Asked, before: str, so_far: Sequence[Entry]) -> None:
    mine = next((one for one in so_far if one["Person"] == asked.context.principal.person), None)
    if mine is not None:
        raise ValidationError(
            f"{mine['Person']} has approved {asked.what} already, at {mine['At']}: "
            "another person's approval is what it may still need"
        )
    if before == APPROVED:
        by = f", by {so_far[-1]['Person']} at {so_far[-1]['At']}" if so_far else ""
        raise ValidationError(f"{asked.what} is Approved already{by}: there is nothing to approve")


def _account_of(person: str) -> list[str]:
    parts = person.split(":")
    return [parts[4]] if len(parts) > 4 and parts[4] else []
