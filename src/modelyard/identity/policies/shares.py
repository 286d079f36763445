"""What the owner of a resource lets others do: policies that belong to the resource.

A role's trust policy is one, that of a group of model packages, of a key, of an event bus. They are
documents of IAM; see `iam_documents`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from modelyard.identity.iam_conditions import ConditionValues
from modelyard.identity.iam_documents import Document, DocumentError, evaluate, parse
from modelyard.identity.policies.engine import ShareVerdict
from modelyard.identity.policies.entities import Parts, Subject
from modelyard.store.errors import NotFound
from modelyard.store.resources import Store


class ResourcePolicies(Protocol):
    """Finds the policies of resources of some kinds."""

    def documents(self, arn: str) -> Sequence[Mapping[str, Any]]:
        """Return the documents of a resource; none where it has none, or is not there."""


class KeptPolicies:
    """The policies that resources of a kind keep in their specs.

    Args:
        service: of their ARNs, `kms`.
        kind: of their ARNs and in the store, `key`.
        member: of the spec, `Policy`.
    """

    def __init__(self, store: Store, service: str, kind: str, member: str) -> None:
        self._store = store
        self._of = (service, kind)
        self._member = member

    def documents(self, arn: str) -> Sequence[Mapping[str, Any]]:
        parts = Parts.of(arn)
        if (parts.service, parts.kind) != self._of:
            return []
        with self._store.read() as snapshot:
            try:
                document = snapshot.get_by_arn(arn).spec.get(self._member)
            except NotFound:
                return []
        return [document] if document else []


class Shares:
    """All finders together: what a resource's own policies say of one call."""

    def __init__(self, finders: Sequence[ResourcePolicies] = ()) -> None:
        self._finders = list(finders)

    def add(self, finder: ResourcePolicies) -> None:
        """Ask one more."""
        self._finders.append(finder)

    def verdict(
        self, subject: Subject, action: str, resource: str, values: ConditionValues
    ) -> tuple[ShareVerdict, bool]:
        """Return what they say, and whether they allow this very principal by its name.

        A document that cannot be understood says Deny: it may have meant to.
        """
        said: list[str | None] = []
        named = False
        for finder in self._finders:
            for given in finder.documents(resource):
                try:
                    document = parse(given)
                except DocumentError:
                    return "Deny", False
                said.append(_evaluated(document, subject, action, resource, values))
                direct = _without_account(document, subject.account)
                named |= _evaluated(direct, subject, action, resource, values) == "Allow"
        if "Deny" in said:
            return "Deny", False
        return ("Allow", named) if "Allow" in said else ("None", False)


def _evaluated(
    document: Document, subject: Subject, action: str, resource: str, values: ConditionValues
) -> str | None:
    return evaluate(
        document,
        principal_arn=subject.arn,
        principal_account=subject.account,
        action=action,
        resource=resource,
        condition_values=values,
        role_arn=subject.role,
    )


def _without_account(document: Document, account: str) -> Document:
    """Return a document that allows an account's principals only where it names them."""
    whole = {account, f"arn:aws:iam::{account}:root"}

    def narrowed(principals: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
        return {
            kind: [one for one in named if kind != "AWS" or one not in whole]
            for kind, named in principals.items()
        }

    return Document(
        statements=[
            replace(statement, principals=narrowed(statement.principals))
            for statement in document.statements
        ]
    )
