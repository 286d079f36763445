"""How cards lie in the store, and how they are found.

Three kinds of resources: the card, whose status is its newest version's and whose `observed` is
what its events tell; a version, which holds the content and never changes it; and an export job.
A version's and a job's names begin with the card's and a slash, so that lists page by the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelyard.arns import sagemaker_arn
from modelyard.operations.context import Context, Principal
from modelyard.operations.errors import ResourceNotFound
from modelyard.operations.requests import scope_of
from modelyard.store.resources import Resource, Scope, Snapshot

CARD = "model-card"
VERSION = "model-card-version"
EXPORT = "model-card-export-job"

MAX_VERSIONS = 9_999  # of one card

UserContext = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class StatusChange:
    """One entry of a card's approval history."""

    at: datetime
    version: int
    before: str  # empty where the version began with `after`
    after: str
    by: str  # the ARN of the person
    sha256: str  # of the content that the status is about


def card_arn(scope: Scope, name: str) -> str:
    """Return `arn:aws:sagemaker:<region>:<account>:model-card/<name>`."""
    return sagemaker_arn(account=scope.account, region=scope.region, kind=CARD, name=name)


def version_arn(scope: Scope, name: str, version: int) -> str:
    """Return a version's own ARN, below its card's."""
    return f"{card_arn(scope, name)}/version/{version}"


def export_arn(scope: Scope, card: str, job: str) -> str:
    """Return `<the card's ARN>/export-job/<job>`."""
    return f"{card_arn(scope, card)}/export-job/{job}"


def version_name(card: str, version: int) -> str:
    """Return a version's name; names sort as versions do."""
    return f"{card}/{version:04}"


def find_card(snapshot: Snapshot, context: Context, named: str) -> Resource:
    """Return a card of the caller's account and region by its name or ARN.

    Raises:
        ResourceNotFound: there is none.
    """
    scope = scope_of(context)
    name = named.rpartition("/")[2]
    card = snapshot.find(scope, CARD, name)
    if card is None or (named.startswith("arn:") and named != card.arn):
        raise ResourceNotFound(
            f"Could not find model card {named!r} in account {context.account}, {context.region}"
        )
    return card


def find_version(snapshot: Snapshot, card: Resource, version: int | None = None) -> Resource:
    """Return a version of a card, the newest where none is named.

    Raises:
        ResourceNotFound: the card has no such version.
    """
    newest = newest_version(card)
    number = newest if version is None else version
    found = snapshot.find(card.scope, VERSION, version_name(card.name, number))
    if found is None:
        raise ResourceNotFound(
            f"Model card {card.name!r} has no version {number}: it has versions 1 to {newest}"
        )
    return found


def newest_version(card: Resource) -> int:
    """Return the number of a card's newest version."""
    return int(card.observed["ModelCardVersion"])


def status_changes(snapshot: Snapshot, card: Resource) -> list[StatusChange]:
    """Return a card's approval history, oldest first: its versions' first statuses and changes."""
    changes: list[StatusChange] = []
    for revision in snapshot.history(card.arn):
        if revision.deleted:
            changes.clear()  # of another card, that had the name before
            continue
        observed = revision.observed
        version = int(observed["ModelCardVersion"])
        last = changes[-1] if changes else None
        if last is not None and (last.version, last.after) == (version, revision.status):
            continue
        changes.append(
            StatusChange(
                at=revision.at,
                version=version,
                before=last.after if last is not None and last.version == version else "",
                after=revision.status,
                by=person_of(observed["LastModifiedBy"]),
                sha256=observed["ContentSha256"],
            )
        )
    return changes


def user_context(context: Context) -> UserContext:
    """Return who calls, as the API tells of users: the session, and the person behind it."""
    principal = context.principal
    return {
        "UserProfileName": principal.person.rpartition("/")[2].rpartition(":")[2],
        "IamIdentity": {
            "Arn": principal.arn,
            "PrincipalId": principal.user_id,
            "SourceIdentity": principal.person,
        },
    }


def person_of(user: UserContext) -> str:
    """Return the ARN of the person behind a user context."""
    return str(user["IamIdentity"]["SourceIdentity"])


def caller_of(context: Context) -> dict[str, Any]:
    """Return what a workflow keeps of the caller on whose behalf it acts."""
    return {"principal": context.principal.to_json(), "request_id": context.request_id}


def context_of(scope: Scope, caller: Mapping[str, Any]) -> Context:
    """Return the context that `caller_of` kept."""
    return Context(
        account=scope.account,
        region=scope.region,
        principal=Principal.from_json(caller["principal"]),
        request_id=caller["request_id"],
        source="in-process",
    )
