"""Who else may use a group: its resource policy, one IAM document per group.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-deploy-xaccount.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modelyard.arns import Arn
from modelyard.identity.iam_documents import DocumentError, evaluate, parse
from modelyard.operations.context import Context
from modelyard.operations.errors import AccessDenied, ValidationError
from modelyard.registry.references import GROUP, VERSION, Reference
from modelyard.store.remembered import Remembered
from modelyard.store.resources import Resource, Scope, Snapshot, Store

#: Where a group keeps its document, in what is observed of it.
POLICY = "resource_policy"

#: What a group may be shared for.
ACTIONS = frozenset(
    f"sagemaker:{name}"
    for name in (
        "DescribeModelPackageGroup",
        "DescribeModelPackage",
        "BatchDescribeModelPackage",
        "ListModelPackages",
        "CreateModelPackage",
        "UpdateModelPackage",
        "DeleteModelPackage",
        "CreateModel",
        "ListTags",
    )
)
_BY_LOWER = {action.lower(): action for action in ACTIONS}


class ModelPackageGroupPolicies:
    """The documents that apply to a group and to its versions, by the ARN of either.

    Every call about a version asks for its group's, which mostly has none and hardly ever changes.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._of_groups = Remembered[Sequence[Mapping[str, Any]]]()
        store.on_change(self._of_groups.clear, kinds={GROUP})

    def documents(self, arn: str) -> Sequence[Mapping[str, Any]]:
        """Return the resource policies of what `arn` names; none for anything but these kinds."""
        try:
            parts = Arn.parse(arn)
        except ValueError:
            return []
        if parts.service != "sagemaker" or parts.kind not in (GROUP, VERSION):
            return []
        scope = Scope(account=parts.account, region=parts.region)
        group = Reference(scope=scope, kind=parts.kind, name=parts.name).group
        if group is None:
            return []
        of_group = Reference(scope=scope, kind=GROUP, name=group)
        return self._of_groups.get(of_group.arn, lambda _: self._looked_up(of_group))

    def _looked_up(self, group: Reference) -> Sequence[Mapping[str, Any]]:
        with self._store.read() as snapshot:
            found = snapshot.find(group.scope, GROUP, group.name)
        document = None if found is None else document_of(found)
        return [] if document is None else [document]


def document_of(group: Resource) -> Mapping[str, Any] | None:
    """Return a group's resource policy, None if it has none."""
    text = group.observed.get(POLICY)
    return None if text is None else json.loads(text)


def require_shared(snapshot: Snapshot, context: Context, action: str, reference: Reference) -> None:
    """Return if the caller is of the owner's account, or the owner shares this with the caller.

    Raises:
        AccessDenied: neither; whether the resource exists is not told.
    """
    if reference.scope.account == context.account:
        return
    group = reference.group
    found = None if group is None else snapshot.find(reference.scope, GROUP, group)
    if found is None or not is_shared(found, context, action, reference.arn):
        raise AccessDenied(
            f"User: {context.principal.arn} is not authorized to perform: {action} on resource: "
            f"{reference.arn} because no resource-based policy allows it: the owner, account "
            f"{reference.scope.account}, shares a group with PutModelPackageGroupPolicy"
        )


def is_shared(group: Resource, context: Context, action: str, resource: str) -> bool:
    """Return whether a group's policy allows a caller of another account something."""
    document = document_of(group)
    if document is None:
        return False
    principal = context.principal
    return (
        evaluate(
            document,
            principal_arn=principal.arn,
            principal_account=principal.account,
            action=action,
            resource=resource,
            condition_values={},
            role_arn=principal.role,
        )
        == "Allow"
    )


def check_document(text: str, group: Reference, account_exists: Callable[[str], bool]) -> None:
    """Return if `text` is a policy that the group can have.

    Raises:
        ValidationError: with everything that is wrong with it.
    """
    try:
        document = parse(text)
    except DocumentError as error:
        raise ValidationError.of([f"ResourcePolicy: {each}" for each in error.problems]) from error
    problems: list[str] = []
    for number, statement in enumerate(document.statements):
        where = f"ResourcePolicy: Statement[{number}]"
        problems += [f"{where}.{one}" for one in _action_problems(statement.actions)]
        problems += [f"{where}.{one}" for one in _resource_problems(statement.resources, group)]
        for kind, named in statement.principals.items():
            if kind != "AWS":
                problems.append(f"{where}.Principal: {kind} cannot use a group: name AWS accounts")
                continue
            for account in sorted({_account_of(each) for each in named} - {"*"}):
                if not account_exists(account):
                    problems.append(
                        f"{where}.Principal: there is no account {account}: "
                        "'modelyard accounts list' shows those that there are"
                    )
    if problems:
        raise ValidationError.of(problems)


def _action_problems(actions: Sequence[str]) -> list[str]:
    found = []
    for action in actions:
        known = (
            action in ("*", "sagemaker:*")
            or action.lower() in _BY_LOWER
            or (action.endswith("*") and any(one.startswith(action[:-1]) for one in _BY_LOWER))
        )
        if not known:
            found.append(
                f"Action: {action!r} is nothing that a group can be shared for: "
                f"{', '.join(sorted(ACTIONS))}"
            )
    return found


def _resource_problems(resources: Sequence[str], group: Reference) -> list[str]:
    scope = group.scope
    members = f"arn:aws:sagemaker:{scope.region}:{scope.account}:{VERSION}/{group.name}/"
    return [
        f"Resource: {resource!r} is not of this group: use {group.arn} and {members}*"
        for resource in resources
        if resource != group.arn and not resource.startswith(members)
    ]


def _account_of(principal: str) -> str:
    if principal.startswith("arn:"):
        return Arn.parse(principal).account
    return principal
