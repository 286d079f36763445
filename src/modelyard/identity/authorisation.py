"""Who may do what: asked ahead of every operation, at every door. Deny by default.

A call is allowed where a policy permits it and none forbids it (`policies/`). It is about one
resource; what the resource's own policy says of it (`policies/shares.py`) is a fact that the
policies look at, and so are the accounts of the caller and of the resource, and their stages. A
request that hands on a role, to a job or to a rule, needs `iam:PassRole` on that role too, and one
that runs a container image of another account `ecr:BatchGetImage` on its repository.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from modelyard.arns import role_arn
from modelyard.identity.policies.actions import WRITE, effect_of
from modelyard.identity.policies.book import PolicyBook
from modelyard.identity.policies.directory import Directory
from modelyard.identity.policies.engine import Circumstances, Verdict, judge
from modelyard.identity.policies.entities import (
    PERSONA,
    SESSION,
    Parts,
    Subject,
    Target,
)
from modelyard.identity.policies.facts import canonical, condition_values, type_of
from modelyard.identity.policies.library import Library
from modelyard.identity.policies.passing import PASSING
from modelyard.identity.policies.shares import Shares
from modelyard.identity.policies.texts import Policy
from modelyard.identity.principals import session_of
from modelyard.operations.context import Context, Principal
from modelyard.operations.table import Decision

ASSUME_ROLE = "sts:AssumeRole"
#: Looks up what only some policies ask for: a resource's state and its tags.
States = Callable[[str], tuple[Mapping[str, str], Mapping[str, str]]]


@dataclass(frozen=True, kw_only=True)
class Examination:
    """A decision with its reasons."""

    allowed: bool
    policies: tuple[Policy, ...]
    reason: str  # one sentence
    parties: tuple[str, ...] = ()  # of a refusal: the personas and roles that may


class Permissions:
    """Decides. Safe to use from any thread.

    Args:
        passed: finds what a request hands on or makes use of:
            (account, action, request) -> what it takes for each, as (action, ARN).
    """

    def __init__(
        self,
        book: PolicyBook,
        directory: Directory,
        shares: Shares,
        states: States = lambda _: ({}, {}),
        passed: Callable[[str, str, Mapping[str, Any]], Iterable[tuple[str, str]]] = lambda *_: (),
    ) -> None:
        self.book = book
        self._directory = directory
        self._shares = shares
        self._states = states
        self._passed = passed

    def decide(
        self, context: Context, action: str, resource: str, request: Mapping[str, Any]
    ) -> Decision:
        """Return whether `context.principal` may do `action` to `resource`."""
        subject = self.subject_of(context.principal)
        found = self.examine(subject, context, action, resource, request)
        return Decision(
            allowed=found.allowed,
            policies=tuple(policy.id for policy in found.policies),
            refusal="" if found.allowed else found.reason,
        )

    def examine(
        self,
        subject: Subject,
        context: Context,
        action: str,
        resource: str,
        request: Mapping[str, Any],
    ) -> Examination:
        """Return whether `subject` may, in the place of the caller of `context`, and why."""
        library = self.book.edition.library
        call = _Call(self, library, subject, context, action, resource, request)
        found = call.examined()
        if not found.allowed or effect_of(action) != WRITE:
            return found
        policies = {policy.id: policy for policy in found.policies}
        for taken, arn in self._passed(context.account, action, request):
            passed = _Call(self, library, subject, context, taken, arn, {}).examined()
            if not passed.allowed:
                what = "hands on a role" if taken == PASSING else "runs another account's image"
                reason = f"{call.refused()}: it {what}. {passed.reason}"
                return replace(passed, reason=reason)
            policies |= {policy.id: policy for policy in passed.policies}
        decided = tuple(policies[name] for name in sorted(policies))
        return Examination(allowed=True, policies=decided, reason=f"allowed by {_listed(decided)}")

    def subject_of(self, principal: Principal) -> Subject:
        """Return what the policies may ask of a principal."""
        return Subject(
            type=type_of(principal),
            arn=principal.arn,
            account=principal.account,
            stage=self._directory.stage(principal.account),
            personas=self._directory.personas(principal),
            person=principal.person,
            role=principal.role,
            tags=self._directory.tags(principal),
            source_identity=principal.source_identity,
            user_id=principal.user_id,
        )

    def subject_with(self, persona: str, account: str) -> Subject:
        """Return a session of the role that is named after a persona, in an account."""
        session = session_of(role_arn(account=account, name=persona), "anybody")
        return Subject(
            type=SESSION,
            arn=session.arn,
            account=account,
            stage=self._directory.stage(account),
            personas=frozenset({persona}),
            role=session.role,
        )

    def subject_of_role(self, arn: str) -> Subject:
        """Return a session of a role.

        Raises:
            ValueError: `arn` is not the ARN of a role.
        """
        return self.subject_of(session_of(arn, "anybody"))

    def target_of(self, context: Context, resource: str, *, looks: bool) -> Target:
        """Return what the policies may ask of a resource; its own state only if one `looks`."""
        parts = Parts.of(resource)
        account = parts.account or context.account
        state, tags = self._states(resource) if looks else ({}, {})
        is_role = (parts.service, parts.kind) == ("iam", "role")
        return Target(
            arn=resource,
            account=account,
            stage=self._directory.stage(account),
            region=parts.region or context.region,
            service=parts.service,
            kind=parts.kind,
            name=parts.name,
            personas=self._directory.of_role(resource).personas if is_role else frozenset(),
            state=state,
            tags=tags,
        )

    def circumstances_of(
        self,
        subject: Subject,
        context: Context,
        action: str,
        resource: str,
        request: Mapping[str, Any],
    ) -> Circumstances:
        """Return what the policies may ask of a call."""
        values = condition_values(subject, context, request)
        shared, named = self._shares.verdict(subject, action, resource, values)
        return Circumstances(
            source=context.source,
            region=context.region,
            request=request,
            shared=shared,
            named=named,
        )


class _Call:
    """One call while it is decided and explained."""

    def __init__(
        self,
        permissions: Permissions,
        library: Library,
        subject: Subject,
        context: Context,
        action: str,
        resource: str,
        request: Mapping[str, Any],
    ) -> None:
        self._permissions = permissions
        self._library = library
        self._subject = subject
        self._context = context
        self._action = action
        self._resource = canonical(resource)
        self._targets: dict[bool, Target] = {}  # by whether its own state is in it
        self._circumstances = permissions.circumstances_of(
            subject, context, action, self._resource, request
        )

    def refused(self) -> str:
        return (
            f"User: {self._subject.arn} is not authorized to perform: {self._action} "
            f"on resource: {self._resource}"
        )

    def examined(self) -> Examination:
        verdict = self._judged(self._subject, self._circumstances)
        decided = tuple(self._library.get(policy) for policy in verdict.policies)
        if verdict.allowed:
            reason = f"allowed by {_listed(decided)}"
            return Examination(allowed=True, policies=decided, reason=reason)
        if verdict.failure:
            reason = f"{self.refused()}: {verdict.failure}"
            return Examination(allowed=False, policies=(), reason=reason)
        parties = self._parties()
        why = f"forbidden by {_listed(decided)}" if decided else "no policy allows it"
        may = f"; roles that may: {', '.join(parties)}" if parties else ""
        return Examination(
            allowed=False,
            policies=decided,
            reason=f"{self.refused()}: {why}{may}",
            parties=parties,
        )

    def _parties(self) -> tuple[str, ...]:
        """Return the personas and roles of the resource's account that would be allowed."""
        if self._action == ASSUME_ROLE:
            return ()  # that is for its trust policy to say, and would tell which roles there are
        account = Parts.of(self._resource).account or self._context.account
        assumed = replace(self._circumstances, shared="None", named=False)
        found = []
        for kind, name in self._library.parties:
            try:
                subject = (
                    self._permissions.subject_with(name, account)
                    if kind == PERSONA
                    else self._permissions.subject_of_role(name)
                )
            except ValueError:
                continue  # a policy may name a role that cannot be
            if self._judged(subject, assumed).allowed:
                found.append(name)
        return tuple(found)

    def _judged(self, subject: Subject, circumstances: Circumstances) -> Verdict:
        chosen = self._library.slice(subject, self._action)
        looks = chosen.looks.row
        target = self._targets.get(looks)
        if target is None:
            target = self._permissions.target_of(self._context, self._resource, looks=looks)
            self._targets[looks] = target
        return judge(chosen, subject, self._action, target, circumstances)


def _listed(policies: Sequence[Policy]) -> str:
    shown = [
        f"{policy.id} ({policy.comment})" if policy.comment else policy.id for policy in policies
    ]
    return f"the {'policy' if len(shown) == 1 else 'policies'} {', '.join(shown)}"
