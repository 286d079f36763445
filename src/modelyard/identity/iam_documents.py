"""IAM's policy documents in JSON: read, checked, and evaluated for one call.

They say who else may use a resource: a role's trust policy, the policy of a group of model
packages, of a key, of an event bus. The grammar is AWS's, without `NotPrincipal` and policy
variables; what is not understood is an error that names it, never passed over.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from modelyard.arns import Arn
from modelyard.identity.iam_conditions import (
    Condition,
    ConditionValues,
    Incomparable,
    lowered,
    read_conditions,
)
from modelyard.identity.wildcards import ARN_PARTS, arn_matches, matches

MAX_CHARACTERS = 20_480
Effect = Literal["Allow", "Deny"]

_VERSIONS = ("2012-10-17", "2008-10-17")
_ACTION = re.compile(r"\*|(\*|[A-Za-z0-9-]+):[A-Za-z0-9*?]+")
_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com")
_ELEMENTS = frozenset(
    {"Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)


class DocumentError(ValueError):
    """A policy document that cannot be used; `problems` names each fault and its place."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement of a document."""

    effect: Effect
    principals: Mapping[str, Sequence[str]]  # by their kind: AWS, Federated, Service
    actions: Sequence[str]  # lower case
    resources: Sequence[str]  # empty: the resource that the document belongs to
    conditions: Sequence[Condition] = ()
    not_actions: bool = False  # `NotAction`: all actions but these
    not_resources: bool = False


@dataclass(frozen=True, kw_only=True)
class Document:
    """A checked policy document."""

    statements: Sequence[Statement]


def parse(document: str | Mapping[str, Any], *, trust: bool = False) -> Document:
    """Return a policy document that was given as JSON's text, or as its object.

    Args:
        trust: it is a role's trust policy, which is about that role only: it has no `Resource`,
            and only actions of sts.

    Raises:
        DocumentError: with everything that is wrong with it.
    """
    given = _loaded(document) if isinstance(document, str) else document
    problems: list[str] = []
    if not isinstance(given, Mapping):
        raise DocumentError(["a policy document is a JSON object with Version and Statement"])
    for name in given:
        if name not in ("Version", "Id", "Statement"):
            problems.append(f"{name}: is not an element of a policy document")
    if given.get("Version", _VERSIONS[0]) not in _VERSIONS:
        problems.append(f"Version: {given['Version']!r} must be {' or '.join(_VERSIONS)}")
    if not isinstance(given.get("Id", ""), str):
        problems.append("Id: must be a text")
    listed = given.get("Statement")
    if isinstance(listed, Mapping):
        listed = [listed]
    if not isinstance(listed, list | tuple) or not listed:
        problems.append("Statement: must be a statement, or a list of at least one")
        listed = []
    read = [_statement(one, f"Statement[{n}]", problems, trust) for n, one in enumerate(listed)]
    sids = [one["Sid"] for one in listed if isinstance(one, Mapping) and one.get("Sid")]
    for sid in sids:
        if not isinstance(sid, str):
            problems.append(f"Sid: {sid!r} must be a text")
        elif sids.count(sid) > 1 and f"Sid: {sid!r} is given twice" not in problems:
            problems.append(f"Sid: {sid!r} is given twice")
    if problems:
        raise DocumentError(problems)
    return Document(statements=[one for one in read if one is not None])


def evaluate(
    document: str | Mapping[str, Any] | Document,
    *,
    principal_arn: str,
    principal_account: str,
    action: str,
    resource: str,
    condition_values: ConditionValues,
    role_arn: str = "",
) -> Effect | None:
    """Return what a document says of one call: `Deny` beats `Allow`; None: it says nothing.

    A call's value that an operator cannot compare makes an Allow fail and a Deny hold.

    Args:
        principal_arn: of the caller, `arn:aws:sts::…:assumed-role/…` of a role's session; the ARN
            of an identity provider for who comes from there; a service's name for a service.
        principal_account: 12 digits; empty for who is of no account.
        action: `sagemaker:DescribeModelPackage`.
        resource: the ARN that the call is about.
        condition_values: by key, `aws:SourceIp`; keys are told apart whatever their case.
        role_arn: the role of a session; where it is not given, a role is known by its name.

    Raises:
        DocumentError: the document was not parsed yet, and cannot be used.
    """
    parsed = document if isinstance(document, Document) else parse(document)
    known = lowered(condition_values)
    found: Effect | None = None
    for statement in parsed.statements:
        if (
            _names(statement, principal_arn, principal_account, role_arn)
            and _acts(statement, action)
            and _covers(statement, resource)
            and _fulfilled(statement, known)
        ):
            if statement.effect == "Deny":
                return "Deny"
            found = "Allow"
    return found


def _names(statement: Statement, arn: str, account: str, role_arn: str) -> bool:
    named = statement.principals
    if "*" in named.get("AWS", ()) and (account or statement.effect == "Deny"):
        return True
    if not account:
        return arn in named.get("Federated", ()) or arn in named.get("Service", ())
    return any(_is(given, arn, account, role_arn) for given in named.get("AWS", ()))


def _is(given: str, arn: str, account: str, role_arn: str) -> bool:
    if given in (account, f"arn:aws:iam::{account}:root", arn):
        return True
    if role_arn:
        return given == role_arn
    prefix = f"arn:aws:sts::{account}:assumed-role/"
    if not arn.startswith(prefix) or not given.startswith(f"arn:aws:iam::{account}:role/"):
        return False
    # A session's ARN has its role's name only, and an account has one role of a name.
    return given.rpartition("/")[2] == arn.removeprefix(prefix).partition("/")[0]


def _acts(statement: Statement, action: str) -> bool:
    wanted = action.lower()
    return any(matches(given, wanted) for given in statement.actions) != statement.not_actions


def _covers(statement: Statement, resource: str) -> bool:
    if not statement.resources:
        return True
    found = any(given == "*" or arn_matches(given, resource) for given in statement.resources)
    return found != statement.not_resources


def _fulfilled(statement: Statement, known: Mapping[str, Sequence[str]]) -> bool:
    try:
        return all(condition.holds(known) for condition in statement.conditions)
    except Incomparable:
        return statement.effect == "Deny"


def _loaded(text: str) -> Any:
    if len(text) > MAX_CHARACTERS:
        raise DocumentError(
            [f"the document has {len(text)} characters, more than {MAX_CHARACTERS}"]
        )

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            twice = sorted({name for name in names if names.count(name) > 1})
            raise DocumentError([f"{name}: is given twice in one object" for name in twice])
        return found

    try:
        return json.loads(text, object_pairs_hook=once)
    except DocumentError:
        raise
    except (ValueError, RecursionError) as error:
        raise DocumentError([f"the document is not JSON: {error}"]) from error


def _statement(given: object, where: str, problems: list[str], trust: bool) -> Statement | None:
    if not isinstance(given, Mapping):
        problems.append(f"{where}: must be an object")
        return None
    for name in given:
        if name == "NotPrincipal":
            problems.append(
                f"{where}.NotPrincipal: is not offered: say who may with Principal, or who may "
                "not with a Deny and the condition ArnNotLike of aws:PrincipalArn"
            )
        elif name not in _ELEMENTS:
            problems.append(f"{where}.{name}: is not an element of a statement")
    if given.get("Effect") not in ("Allow", "Deny"):
        problems.append(f"{where}.Effect: must be Allow or Deny")
    principals = _principals(given.get("Principal"), f"{where}.Principal", problems)
    actions, not_actions = _one_of(given, "Action", where, problems)
    for action in actions:
        if _ACTION.fullmatch(action) is None:
            problems.append(f"{where}: the action {action!r} is not written service:Name, or *")
        elif trust and not matches(action.partition(":")[0].lower(), "sts"):
            problems.append(f"{where}: a trust policy is about actions of sts, not {action!r}")
    resources: list[str] = []
    not_resources = False
    if trust and ("Resource" in given or "NotResource" in given):
        problems.append(f"{where}: a trust policy is about its own role and has no Resource")
    elif "Resource" in given or "NotResource" in given:
        resources, not_resources = _one_of(given, "Resource", where, problems)
    for resource in resources:
        is_arn = resource.startswith("arn:") and resource.count(":") >= ARN_PARTS - 1
        if resource != "*" and not is_arn:
            problems.append(f"{where}: the resource {resource!r} is neither an ARN nor *")
    conditions = (
        read_conditions(given["Condition"], f"{where}.Condition", problems)
        if "Condition" in given
        else []
    )
    return Statement(
        effect="Allow" if given.get("Effect") == "Allow" else "Deny",
        principals=principals,
        actions=[action.lower() for action in actions],
        not_actions=not_actions,
        resources=resources,
        not_resources=not_resources,
        conditions=conditions,
    )


def _one_of(
    given: Mapping[str, Any], name: str, where: str, problems: list[str]
) -> tuple[list[str], bool]:
    """Return the texts of `name` or of its opposite, and whether it is the opposite."""
    there = [one for one in (name, f"Not{name}") if one in given]
    if len(there) != 1:
        problems.append(f"{where}: needs {name} or Not{name}, and not both")
        return [], False
    texts = _listed(given[there[0]], f"{where}.{there[0]}", problems)
    return texts, there[0] != name


def _listed(value: object, where: str, problems: list[str]) -> list[str]:
    items = value if isinstance(value, list | tuple) else [value]
    texts = [item for item in items if isinstance(item, str) and item]
    if not texts or len(texts) != len(items):
        problems.append(f"{where}: must be a text, or a list of texts")
    for text in texts:
        if "${" in text:
            problems.append(f"{where}: policy variables are not offered, and {text!r} has one")
    return texts


def _principals(value: object, where: str, problems: list[str]) -> dict[str, list[str]]:
    if value == "*":
        return {"AWS": ["*"]}
    if not isinstance(value, Mapping) or not value:
        problems.append(f'{where}: must be "*", or an object with AWS, Federated or Service')
        return {}
    found: dict[str, list[str]] = {}
    for kind, named in value.items():
        at = f"{where}.{kind}"
        if kind not in ("AWS", "Federated", "Service"):
            problems.append(f"{at}: a principal is an AWS, Federated or Service one")
            continue
        found[kind] = _listed(named, at, problems)
        for text in found[kind]:
            rule = _broken_rule(kind, text)
            if rule is not None:
                problems.append(f"{at}: {text!r} must be {rule}")
    return found


def _broken_rule(kind: str, text: str) -> str | None:
    """Return the rule that a principal breaks, or None."""
    if kind == "Service":
        return None if _SERVICE.fullmatch(text) else "a service's name, as sagemaker.amazonaws.com"
    try:
        arn = Arn.parse(text)
        known = (arn.service, arn.kind)
    except ValueError:
        arn, known = None, ("", "")
    whole = arn is not None and not set(text) & {"*", "?"} and bool(arn.account)
    if kind == "Federated":
        is_provider = whole and known == ("iam", "oidc-provider")
        return None if is_provider else "the ARN of an OIDC provider"
    is_one = known in {("iam", "root"), ("iam", "user"), ("iam", "role"), ("sts", "assumed-role")}
    if text == "*" or re.fullmatch(r"[0-9]{12}", text) or (whole and is_one):
        return None
    return "*, an account's id, or the ARN of a root, user, role or assumed role, without wildcards"
