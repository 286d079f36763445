"""What can be asked about permissions: who may do what, by which policy; and are these policies
well-formed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from modelyard.arns import Arn, role_arn, sagemaker_arn
from modelyard.identity.authorisation import Permissions
from modelyard.identity.policies.entities import Subject
from modelyard.identity.policies.texts import Policy, PolicyError
from modelyard.identity.principals import root_of, session_of
from modelyard.operations.context import Context, Principal
from modelyard.operations.errors import ValidationError
from modelyard.operations.table import Request, Response, operation

_PERSONA = "persona"
_FORMS = (
    "an ARN (of a user, a role, a role's session or an account's root), role/<name>, user/<name> "
    "or persona:<name>"
)


def _asked_about(context: Context, request: Mapping[str, Any]) -> str:
    """Return the ARN of the principal that a request asks about."""
    given = request.get("Principal")
    if not isinstance(given, str) or not given:
        return context.principal.arn
    return _arn_of(context, given)


def _policies(context: Context, _request: Mapping[str, Any]) -> str:
    arn = Arn(service="modelyard", region="", account=context.account, resource="policy/*")
    return str(arn)


class PolicyOperations:
    """Authorize, ListPolicies, CheckPolicies."""

    def __init__(self, permissions: Permissions) -> None:
        self._permissions = permissions

    @operation("modelyard", "Authorize", on=_asked_about)
    def authorize(self, context: Context, request: Request) -> Response:
        """Answer whether a principal may do something, and which policies say so."""
        subject = self._subject(context, request.get("Principal"))
        acting = replace(context, account=subject.account)
        resource = _resource_of(acting, request.get("Resource", "*"))
        found = self._permissions.examine(
            subject, acting, request["Action"], resource, _members(request.get("Request"))
        )
        return {
            "Allowed": found.allowed,
            "Principal": subject.arn,
            "Personas": sorted(subject.personas),
            "Action": request["Action"],
            "Resource": resource,
            "Reason": found.reason,
            "Policies": _described(found.policies),
            "RolesThatMay": list(found.parties),
        }

    @operation("modelyard", "ListPolicies", on=_policies)
    def list_policies(self, context: Context, request: Request) -> Response:
        """Answer the policies in force, and what is wrong with files that are not."""
        edition, problems = self._permissions.book.edition, self._permissions.book.problems
        return {
            "Policies": _described(edition.library.policies),
            "Generation": edition.generation,
            "Problems": _listed(problems),
        }

    @operation("modelyard", "CheckPolicies", on=_policies)
    def check_policies(self, context: Context, request: Request) -> Response:
        """Answer what would keep policy files from coming into force; nothing changes."""
        texts = {file["Name"]: file["Text"] for file in request["Files"]}
        if len(texts) != len(request["Files"]):
            raise ValidationError("Files: a name is given twice: give each file once")
        number, problems = self._permissions.book.check(texts)
        return {"Policies": number, "Problems": _listed(problems)}

    def _subject(self, context: Context, given: str | None) -> Subject:
        if given is None:
            return self._permissions.subject_of(context.principal)
        if given.startswith(f"{_PERSONA}:"):
            return self._permissions.subject_with(given.partition(":")[2], context.account)
        return self._permissions.subject_of(_principal_of(_arn_of(context, given)))


def _arn_of(context: Context, given: str) -> str:
    kind, mark, name = given.partition("/")
    if given.startswith(f"{_PERSONA}:"):
        service, resource = "modelyard", f"{_PERSONA}/{given.partition(':')[2]}"
    elif mark and name and kind in {"role", "user"}:
        service, resource = "iam", given
    else:
        return given
    return str(Arn(service=service, region="", account=context.account, resource=resource))


def _principal_of(arn: str) -> Principal:
    """Return the principal that an ARN names; of a role, a session.

    Raises:
        ValidationError: it names none.
    """
    try:
        parts = Arn.parse(arn)
    except ValueError as error:
        raise ValidationError(f"Principal: {arn!r} is not {_FORMS}") from error
    match (parts.service, parts.kind):
        case ("iam", "root"):
            return root_of(parts.account)
        case ("iam", "user"):
            return Principal(account=parts.account, arn=arn, user_id=arn)
        case ("iam", "role"):
            return session_of(arn, "anybody")
        case ("sts", "assumed-role"):
            role, _, session = parts.name.partition("/")
            return session_of(role_arn(account=parts.account, name=role), session or "anybody")
    raise ValidationError(f"Principal: {arn!r} is not {_FORMS}")


def _resource_of(context: Context, given: str) -> str:
    """Return the ARN that is meant: `s3://bucket/key` and `model/churn` are short for one."""
    if given.startswith("s3://"):
        return f"arn:aws:s3:::{given[5:]}"
    kind, mark, name = given.partition("/")
    if given.startswith("arn:") or not (mark and kind and name):
        return given
    return sagemaker_arn(account=context.account, region=context.region, kind=kind, name=name)


def _members(text: str | None) -> Mapping[str, Any]:
    if text is None:
        return {}
    try:
        members = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValidationError(f"Request: is not JSON: {error}") from error
    if not isinstance(members, dict):
        raise ValidationError("Request: must be a JSON object, the members of the request")
    return members


def _described(policies: Iterable[Policy]) -> list[Response]:
    return [
        {
            "Id": policy.id,
            "Effect": policy.effect,
            "Comment": policy.comment,
            "Text": policy.text,
            "File": policy.file,
            "Line": policy.line,
        }
        for policy in policies
    ]


def _listed(problems: Iterable[PolicyError]) -> list[Response]:
    return [
        {
            "File": problem.file,
            "Line": problem.line,
            "Column": problem.column,
            "Problem": problem.problem,
        }
        for problem in problems
    ]
