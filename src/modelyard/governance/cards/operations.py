"""What can be asked of model cards: create, describe, update, list, delete, list versions."""

from __future__ import annotations

from typing import Any

from modelyard.governance.cards import content
from modelyard.governance.cards.lifecycle import check_open, status_of_next_version
from modelyard.governance.cards.rows import (
    CARD,
    EXPORT,
    MAX_VERSIONS,
    VERSION,
    card_arn,
    find_card,
    find_version,
    newest_version,
    user_context,
    version_arn,
    version_name,
)
from modelyard.governance.cards.sealed_content import SealedContents
from modelyard.operations.context import Context
from modelyard.operations.errors import Conflict, ResourceLimitExceeded, ValidationError
from modelyard.operations.listing import listing_of
from modelyard.operations.requests import scope_of, tags_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import every, named
from modelyard.store.errors import AlreadyExists
from modelyard.store.listing import Listing
from modelyard.store.resources import Resource, Snapshot, Store, Transaction


class ModelCardOperations:
    """Model cards and their versions."""

    def __init__(self, store: Store, contents: SealedContents) -> None:
        self._store = store
        self._contents = contents

    @operation("sagemaker", "CreateModelCard", on=named("model-card", "ModelCardName"))
    def create_model_card(self, context: Context, request: Request) -> Response:
        name, text = request["ModelCardName"], request["Content"]
        document = content.parse(text)
        tags = tags_of(request)
        scope = scope_of(context)
        arn = card_arn(scope, name)
        security = request.get("SecurityConfig", {})
        # Ahead of the transaction: the key service writes too.
        spec = self._contents.seal(context, security.get("KmsKeyId"), arn, text)
        status = request["ModelCardStatus"]
        user = user_context(context)
        with self._store.write() as transaction:
            try:
                card = transaction.create(
                    scope,
                    CARD,
                    name,
                    arn=arn,
                    spec={"SecurityConfig": security} if security else {},
                    status=status,
                    observed={
                        "ModelCardName": name,
                        "ModelCardArn": arn,
                        "CreatedBy": user,
                        **_newest(1, status, document, context),
                    },
                    tags=tags,
                )
            except AlreadyExists as error:
                raise Conflict(f"Model card {name!r} already exists: {arn}") from error
            _add_version(transaction, card, 1, spec, status, context)
        return {"ModelCardArn": arn}

    @operation("sagemaker", "DescribeModelCard", on=named("model-card", "ModelCardName"))
    def describe_model_card(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            card = find_card(snapshot, context, request["ModelCardName"])
            version = find_version(snapshot, card, request.get("ModelCardVersion"))
        is_whole = request.get("IncludedData") != "MetadataOnly"
        return {
            **_version_summary(card, version),
            "Content": self._contents.open(context, card.arn, version.spec) if is_whole else "",
            "CreationTime": card.created_at,
            "CreatedBy": card.observed["CreatedBy"],
            "LastModifiedBy": version.observed["LastModifiedBy"],
            **card.spec,
        }

    @operation("sagemaker", "UpdateModelCard", on=named("model-card", "ModelCardName"))
    def update_model_card(self, context: Context, request: Request) -> Response:
        text, status = request.get("Content"), request.get("ModelCardStatus")
        if text is not None and status is not None:
            raise ValidationError(
                "You cannot update both model card content and model card status in a single "
                "call: update the one, then the other"
            )
        if text is not None:
            return {"ModelCardArn": self._update_content(context, request["ModelCardName"], text)}
        if status is None:
            raise ValidationError("There is nothing to update: give Content or ModelCardStatus")
        with self._store.write() as transaction:
            card = find_card(transaction, context, request["ModelCardName"])
            check_open(card.name, card.status)
            if status != card.status:
                version = find_version(transaction, card)
                user = user_context(context)
                transaction.update(version, status=status, observed={"LastModifiedBy": user})
                changes = {"ModelCardStatus": status, "LastModifiedBy": user}
                transaction.update(card, status=status, observed=changes)
        return {"ModelCardArn": card.arn}

    @operation("sagemaker", "ListModelCards", on=every("model-card"))
    def list_model_cards(self, context: Context, request: Request) -> Response:
        listing = listing_of({**request, "StatusEquals": request.get("ModelCardStatus")})
        with self._store.read() as snapshot:
            page = snapshot.list(scope_of(context), CARD, listing)
        return {
            "ModelCardSummaries": [
                {
                    "ModelCardName": card.name,
                    "ModelCardArn": card.arn,
                    "ModelCardStatus": card.status,
                    "CreationTime": card.created_at,
                    "LastModifiedTime": card.modified_at,
                }
                for card in page.items
            ],
            "NextToken": page.token,
        }

    @operation("sagemaker", "ListModelCardVersions", on=named("model-card", "ModelCardName"))
    def list_model_card_versions(self, context: Context, request: Request) -> Response:
        # Their names sort as their numbers do.
        wanted = {**request, "SortBy": "Name", "StatusEquals": request.get("ModelCardStatus")}
        with self._store.read() as snapshot:
            card = find_card(snapshot, context, request["ModelCardName"])
            page = snapshot.list(
                card.scope, VERSION, listing_of(wanted, name_prefix=f"{card.name}/")
            )
        return {
            "ModelCardVersionSummaryList": [
                {**_version_summary(card, version), "CreationTime": version.created_at}
                for version in page.items
            ],
            "NextToken": page.token,
        }

    @operation("sagemaker", "DeleteModelCard", on=named("model-card", "ModelCardName"))
    def delete_model_card(self, context: Context, request: Request) -> Response:
        with self._store.write() as transaction:
            card = find_card(transaction, context, request["ModelCardName"])
            exports = _below(transaction, card, EXPORT)
            running = [job.name.rpartition("/")[2] for job in exports if job.status == "InProgress"]
            if running:
                raise Conflict(
                    f"Model card {card.name!r} is being exported by {', '.join(running)}: delete "
                    "it when that has ended"
                )
            for row in [*exports, *_below(transaction, card, VERSION), card]:
                transaction.delete(row)
        return {}

    def _update_content(self, context: Context, named: str, text: str) -> str:
        document = content.parse(text)
        with self._store.read() as snapshot:
            card = find_card(snapshot, context, named)
        check_open(card.name, card.status)
        if content.digest(document) == card.observed["ContentSha256"]:
            return card.arn  # nothing changed: a version of it would tell nothing
        number = newest_version(card) + 1
        if number > MAX_VERSIONS:
            raise ResourceLimitExceeded(
                f"Model card {card.name!r} has {MAX_VERSIONS} versions, which is all it can have: "
                "create another card to go on"
            )
        key = card.spec.get("SecurityConfig", {}).get("KmsKeyId")
        # Ahead of the transaction: the key service writes too.
        spec = self._contents.seal(context, key, card.arn, text)
        with self._store.write() as transaction:
            now = find_card(transaction, context, named)
            if now.revision != card.revision or now.id != card.id:
                raise Conflict(
                    f"Model card {card.name!r} was changed at the same time: describe it, and "
                    "update what is there now"
                )
            status = status_of_next_version(card.status)
            _add_version(transaction, card, number, spec, status, context)
            newest = _newest(number, status, document, context)
            changed = transaction.update(card, status=status, observed=newest)
            if status == card.status:
                transaction.announce(changed)  # a version is a change that its watchers are told
        return card.arn


def _newest(
    number: int, status: str, document: content.Document, context: Context
) -> dict[str, Any]:
    """Return what a card's `observed` says of its newest version."""
    return {
        "ModelCardVersion": number,
        "ModelCardStatus": status,
        "ModelId": content.model_id(document),
        "ModelPackageGroupName": content.registry_group(document),
        "RiskRating": document.get("intended_uses", {}).get("risk_rating", "Unknown"),
        "ContentSha256": content.digest(document),
        "LastModifiedBy": user_context(context),
    }


def _add_version(
    transaction: Transaction,
    card: Resource,
    number: int,
    spec: dict[str, Any],
    status: str,
    context: Context,
) -> None:
    transaction.create(
        card.scope,
        VERSION,
        version_name(card.name, number),
        arn=version_arn(card.scope, card.name, number),
        spec=spec,
        status=status,
        observed={
            "ModelCardName": card.name,
            "ModelCardVersion": number,
            "LastModifiedBy": user_context(context),
        },
    )


def _version_summary(card: Resource, version: Resource) -> dict[str, Any]:
    return {
        "ModelCardName": card.name,
        "ModelCardArn": card.arn,
        "ModelCardVersion": version.observed["ModelCardVersion"],
        "ModelCardStatus": version.status,
        "LastModifiedTime": version.modified_at,
    }


def _below(snapshot: Snapshot, card: Resource, kind: str) -> list[Resource]:
    """Return all of a card's versions, or export jobs."""
    found: list[Resource] = []
    token: str | None = None
    while True:
        page = snapshot.list(
            card.scope, kind, Listing(sort_by="Name", name_prefix=f"{card.name}/", token=token)
        )
        found.extend(page.items)
        token = page.token
        if token is None:
            return found
