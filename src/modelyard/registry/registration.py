"""Registering a package: the request checked whole, its artifacts looked at, its number given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modelyard import clock
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.operations.requests import scope_of, spec_of, tags_of
from modelyard.operations.table import Request
from modelyard.registry.approvals import APPROVED, PENDING, Approvals, Entry, Subject
from modelyard.registry.artifacts import Artifact, ArtifactRefused, Artifacts
from modelyard.registry.descriptions import user_context
from modelyard.registry.references import VERSION, Reference, find_group, group_of, version_of
from modelyard.registry.sharing import require_shared
from modelyard.store.encryption.data_keys import DataKeys, NoKeys
from modelyard.store.errors import AlreadyExists
from modelyard.store.resources import Resource, Store, Transaction
from modelyard.store.search_index import with_text

#: Kept with what is observed, since they change by themselves.
_NOT_SPEC = ("ClientToken", "ModelApprovalStatus", "ModelLifeCycle")
_CREATE = "sagemaker:CreateModelPackage"


class Registration:
    """Registers packages.

    Args:
        approvals: decides on a package that is registered as approved.
        card_problems: says what is wrong with the content of a model card.
        keys_of: gives the keys that act for who calls; archives are read with them.
    """

    def __init__(
        self,
        store: Store,
        artifacts: Artifacts,
        approvals: Approvals,
        card_problems: Callable[[str], Sequence[str]] = lambda _content: (),
        keys_of: Callable[[Context], DataKeys] = lambda _context: NoKeys(),
    ) -> None:
        self._store = store
        self._artifacts = artifacts
        self._approvals = approvals
        self._card_problems = card_problems
        self._keys_of = keys_of

    def register(
        self, context: Context, request: Request, *, source: Mapping[str, Any] | None = None
    ) -> Resource:
        """Register what a CreateModelPackage request asks for.

        Args:
            source: where the package came from, if from outside SageMaker's shapes.

        Raises:
            ValidationError: with everything that is wrong.
            AccessDenied: the group is another account's, and not shared for this.
        """
        group = _group(context, request)
        if group is not None and group.scope.account != context.account:
            with self._store.read() as snapshot:  # ahead of reading artifacts for a stranger
                require_shared(snapshot, context, _CREATE, _members(group))
        owner = context.account if group is None else group.scope.account
        artifacts = self.examine(context, request, [owner, context.account])
        digest = _digest(request)
        with self._store.write() as transaction:
            if group is not None:
                require_shared(transaction, context, _CREATE, _members(group))
                find_group(transaction, group)
            earlier = _earlier(transaction, context, group, request.get("ClientToken"), digest)
            if earlier is not None:
                return earlier
            reference, version = self._number(transaction, context, group, request)
            return self._create(
                transaction,
                context,
                request,
                reference,
                {
                    "Artifacts": [artifact.observed() for artifact in artifacts],
                    "RequestDigest": digest,
                    **({} if version is None else {"ModelPackageVersion": version}),
                    **({} if source is None else {"Source": dict(source)}),
                },
            )

    def examine(
        self, context: Context, request: Mapping[str, Any], accounts: list[str]
    ) -> list[Artifact]:
        """Return what was found of every archive that a request names; its card is looked at too.

        Args:
            accounts: in whose buckets they may lie.

        Raises:
            ValidationError: with everything that is wrong.
        """
        found: list[Artifact] = []
        keys = self._keys_of(context)
        card = request.get("ModelCard", {}).get("ModelCardContent")
        problems = [
            f"ModelCard.ModelCardContent: {problem}"
            for problem in (self._card_problems(card) if card else ())
        ]
        for url in archives_of(request):
            try:
                any_format = request.get("SkipModelValidation") == "All"
                found.append(self._artifacts.check(accounts, url, keys, any_format=any_format))
            except ArtifactRefused as error:
                problems.append(str(error))
        if problems:
            raise ValidationError.of(problems)
        return found

    def _number(
        self,
        transaction: Transaction,
        context: Context,
        group: Reference | None,
        request: Request,
    ) -> tuple[Reference, int | None]:
        if group is None:
            return version_of(context, request["ModelPackageName"]), None
        number = transaction.next_number(group.scope, f"{VERSION}/{group.name}")
        name = f"{group.name}/{number}"
        return Reference(scope=group.scope, kind=VERSION, name=name), number

    def _create(
        self,
        transaction: Transaction,
        context: Context,
        request: Request,
        reference: Reference,
        found: Mapping[str, Any],
    ) -> Resource:
        spec = {key: value for key, value in spec_of(request).items() if key not in _NOT_SPEC}
        by = user_context(context)
        observed: dict[str, Any] = {
            "ModelPackageArn": reference.arn,
            "ModelPackageStatus": "Completed",
            "CreatedBy": by,
            "LastModifiedBy": by,
            "Author": context.principal.person,
            "Approvals": [],
            **found,
        }
        if "ClientToken" in request:
            observed["ClientToken"] = request["ClientToken"]
        if reference.group is not None:
            observed |= {"ModelPackageGroupName": reference.group}
            observed |= self._approval(transaction, context, request, reference)
        if request.get("ModelLifeCycle"):
            observed["ModelLifeCycle"] = request["ModelLifeCycle"]
        try:
            return transaction.create(
                reference.scope,
                VERSION,
                reference.name,
                arn=reference.arn,
                spec=spec,
                status="Completed",
                observed=observed,
                tags=tags_of(request),
            )
        except AlreadyExists as error:
            raise ValidationError(f"Model Package already exists: {reference.arn}") from error

    def _approval(
        self,
        transaction: Transaction,
        context: Context,
        request: Request,
        reference: Reference,
    ) -> dict[str, Any]:
        """Return the approval that a version begins with; Approved is decided on at once."""
        wanted = request.get("ModelApprovalStatus", PENDING)
        life_cycle = request.get("ModelLifeCycle") or {}
        stage = life_cycle.get("Stage")
        entries: list[Entry] = []

        def decide(before: str, to: str, *, of_stage: bool, reason: str) -> Entry:
            return self._approvals.decide(
                transaction,
                context,
                Subject(
                    scope=reference.scope,
                    arn=reference.arn,
                    group=reference.group,
                    author=context.principal.person,
                    members=request,
                    history=entries,
                ),
                stage=stage,
                of_stage=of_stage,
                before=before,
                wanted=to,
                reason=reason,
                at=clock.now().isoformat(),
            )

        status = PENDING
        if wanted != PENDING:
            entries.append(decide(PENDING, wanted, of_stage=False, reason="registered so"))
            status = entries[-1]["To"]
        if life_cycle.get("StageStatus") == APPROVED:
            reason = life_cycle.get("StageDescription", "")
            entries.append(decide("", APPROVED, of_stage=True, reason=reason))
            if entries[-1]["To"] != APPROVED:
                raise ValidationError(
                    f"The stage {stage} needs the approval of several persons: register the "
                    "version with another StageStatus, such as PendingApproval"
                )
        return {"ModelApprovalStatus": status, "Approvals": entries}


def archives_of(request: Mapping[str, Any]) -> list[str]:
    """Return the URIs of all archives that a package names, each once.

    Raises:
        ValidationError: a container's model is no archive.
    """
    specifications = [
        request.get("InferenceSpecification") or {},
        *request.get("AdditionalInferenceSpecifications", []),
        *request.get("AdditionalInferenceSpecificationsToAdd", []),
    ]
    algorithms = (request.get("SourceAlgorithmSpecification") or {}).get("SourceAlgorithms", [])
    holders = [each for one in specifications for each in one.get("Containers", [])] + algorithms
    found: list[str] = []
    for holder in holders:
        url = holder.get("ModelDataUrl")
        source = (holder.get("ModelDataSource") or {}).get("S3DataSource")
        if url is None and source is not None:
            if (source["S3DataType"], source["CompressionType"]) != ("S3Object", "Gzip"):
                raise ValidationError(
                    f"ModelDataSource {source['S3Uri']}: only S3Object with CompressionType Gzip "
                    "can be registered as it is. A model's folder or file is registered with "
                    "'modelyard register', which packs it"
                )
            url = source["S3Uri"]
        if url is not None:
            found.append(str(url))
    return list(dict.fromkeys(found))


def _group(context: Context, request: Request) -> Reference | None:
    group, name = request.get("ModelPackageGroupName"), request.get("ModelPackageName")
    if (group is None) == (name is None):
        raise ValidationError(
            "Give either ModelPackageGroupName, for a version of a group, or ModelPackageName, "
            f"for a package without versions: {'both are' if group is not None else 'none is'} "
            "given"
        )
    problems = [
        f"{member} is not offered: leave it out"
        for member in ("ValidationSpecification", "SecurityConfig", "ManagedStorageType")
        if request.get(member)
    ]
    if name is not None:
        problems += [
            f"{member} is for versions of a group only: leave it out, or give a group"
            for member in ("ModelApprovalStatus", "ModelLifeCycle")
            if request.get(member)
        ]
    if request.get("CertifyForMarketplace"):
        problems.append("CertifyForMarketplace: there is no marketplace here: leave it out")
    if not any(
        request.get(member)
        for member in ("InferenceSpecification", "SourceAlgorithmSpecification", "SourceUri")
    ):
        problems.append("Give InferenceSpecification, or SourceUri: what is to be registered?")
    if problems:
        raise ValidationError.of(problems)
    return None if group is None else group_of(context, group)


def _members(group: Reference) -> Reference:
    return Reference(scope=group.scope, kind=VERSION, name=f"{group.name}/*")


def _digest(request: Request) -> str:
    """Return what tells whether a request that comes again is the same one."""
    text = json.dumps(request, sort_keys=True, default=str)
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()


def _earlier(
    transaction: Transaction,
    context: Context,
    group: Reference | None,
    token: str | None,
    digest: str,
) -> Resource | None:
    """Return what the same request has registered before, if it comes again.

    Raises:
        ValidationError: another request had its token.
    """
    if token is None:
        return None
    scope = scope_of(context) if group is None else group.scope
    there = with_text(transaction.connection, scope, VERSION, "ClientToken", token)
    caller = context.principal.arn
    found = [one for one in there if one.observed["CreatedBy"]["IamIdentity"]["Arn"] == caller]
    if not found:
        return None
    if found[0].observed["RequestDigest"] != digest:
        raise ValidationError(
            f"ClientToken {token} was used for another request, which registered {found[0].arn}: "
            "give each request a token of its own"
        )
    return found[0]
