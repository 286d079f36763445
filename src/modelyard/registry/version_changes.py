"""Changing a registered package: its approval, its life cycle, and what it says of itself."""

from __future__ import annotations

from typing import Any

from modelyard import clock
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.operations.table import Request
from modelyard.registry.approvals import APPROVED, PENDING, REJECTED, Approvals, Entry, Subject
from modelyard.registry.descriptions import user_context
from modelyard.registry.references import Reference, find_version, version_of
from modelyard.registry.registration import Registration
from modelyard.registry.sharing import require_shared
from modelyard.store.resources import Resource, Store, Transaction

MAX_METADATA = 50  # entries of CustomerMetadataProperties

_REPLACED = ("ModelPackageRegistrationType", "InferenceSpecification", "SourceUri", "ModelCard")


class VersionChanges:
    """Carries out UpdateModelPackage."""

    def __init__(self, store: Store, registration: Registration, approvals: Approvals) -> None:
        self._store = store
        self._registration = registration
        self._approvals = approvals

    def update(self, context: Context, request: Request) -> Resource:
        """Change a package; all of it, or nothing.

        Raises:
            ValidationError: with what is wrong.
            AccessDenied: the caller may not approve, or the package is not shared for this.
        """
        reference = version_of(context, request["ModelPackageArn"])
        with self._store.read() as snapshot:
            require_shared(snapshot, context, "sagemaker:UpdateModelPackage", reference)
        artifacts = self._registration.examine(
            context, request, [reference.scope.account, context.account]
        )
        with self._store.write() as transaction:
            require_shared(transaction, context, "sagemaker:UpdateModelPackage", reference)
            version = find_version(transaction, reference)
            token = request.get("ClientToken")
            if token is not None and version.observed.get("UpdateToken") == token:
                return version  # the same request again, whose answer was lost
            spec = _changed_spec(version, request)
            observed: dict[str, Any] = {"LastModifiedBy": user_context(context)}
            if token is not None:
                observed["UpdateToken"] = token
            if artifacts:
                kept = {one["Url"]: one for one in version.observed.get("Artifacts", [])}
                if "InferenceSpecification" in request:
                    kept = {}
                kept |= {one.url: one.observed() for one in artifacts}
                observed["Artifacts"] = list(kept.values())
            announced = self._approve(
                transaction, context, request, version, spec, observed, bool(artifacts)
            )
            changed = transaction.update(version, spec=spec, observed=observed)
            if announced:
                transaction.announce(changed)
            return changed

    def _approve(
        self,
        transaction: Transaction,
        context: Context,
        request: Request,
        version: Resource,
        spec: dict[str, Any],
        observed: dict[str, Any],
        replaced: bool,
    ) -> bool:
        """Enter changes of approval and life cycle into `observed`; return if there are any."""
        wanted = request.get("ModelApprovalStatus")
        life_cycle = request.get("ModelLifeCycle")
        if "ModelApprovalStatus" not in version.observed:
            if wanted is not None or life_cycle is not None:
                raise ValidationError(
                    f"{version.arn} is in no group: approval and life cycle are for versions only"
                )
            return False
        entries: list[Entry] = list(version.observed["Approvals"])
        status: str = version.observed["ModelApprovalStatus"]
        if replaced and status == APPROVED:
            # What was approved is no longer what the version is.
            entries.append(_withdrawn(context, status))
            status = PENDING
        before = version.observed.get("ModelLifeCycle") or {}
        now = life_cycle or before

        def decide(was: str, to: str, stage: str | None, *, of_stage: bool, reason: str) -> Entry:
            return self._approvals.decide(
                transaction,
                context,
                subject_of(version, spec, entries),
                stage=stage,
                of_stage=of_stage,
                before=was,
                wanted=to,
                reason=reason,
                at=clock.now().isoformat(),
            )

        if wanted is not None and (wanted != status or wanted == APPROVED):
            reason = request.get("ApprovalDescription", "")
            entries.append(decide(status, wanted, now.get("Stage"), of_stage=False, reason=reason))
            status = entries[-1]["To"]
        if life_cycle is not None and _is_decided(before, life_cycle):
            reason = life_cycle.get("StageDescription", "")
            same = before.get("Stage") == life_cycle["Stage"]
            was = before.get("StageStatus", "") if same else ""
            stage = life_cycle["Stage"]
            to = life_cycle["StageStatus"]
            entries.append(decide(was, to, stage, of_stage=True, reason=reason))
            life_cycle = {**life_cycle, "StageStatus": entries[-1]["To"] or "PendingApproval"}
        observed |= {"ModelApprovalStatus": status, "Approvals": entries}
        if "ApprovalDescription" in request:
            observed["ApprovalDescription"] = request["ApprovalDescription"]
        if life_cycle is not None:
            observed["ModelLifeCycle"] = life_cycle
        return len(entries) > len(version.observed["Approvals"]) or (life_cycle or before) != before


def subject_of(version: Resource, spec: dict[str, Any], history: list[Entry]) -> Subject:
    """Return a version as its approval sees it."""
    reference = Reference(scope=version.scope, kind=version.kind, name=version.name)
    return Subject(
        scope=version.scope,
        arn=version.arn,
        group=reference.group,
        author=version.observed["Author"],
        members=spec,
        history=history,
    )


def _is_decided(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Return whether a change of life cycle approves or rejects a stage, so that a rule holds."""
    return after["StageStatus"] == APPROVED or (
        after["StageStatus"] == REJECTED
        and (before.get("Stage"), before.get("StageStatus")) != (after["Stage"], REJECTED)
    )


def _withdrawn(context: Context, before: str) -> Entry:
    return {
        "Person": context.principal.person,
        "Principal": context.principal.arn,
        "At": clock.now().isoformat(),
        "From": before,
        "To": PENDING,
        "Reason": "the artifacts were replaced: what was approved is no longer what this is",
        "OfStage": False,
        "SelfApproved": False,
    }


def _changed_spec(version: Resource, request: Request) -> dict[str, Any]:
    spec = {**version.spec, **{name: request[name] for name in _REPLACED if name in request}}
    metadata = {
        **spec.get("CustomerMetadataProperties", {}),
        **request.get("CustomerMetadataProperties", {}),
    }
    for key in request.get("CustomerMetadataPropertiesToRemove", []):
        metadata.pop(key, None)
    if len(metadata) > MAX_METADATA:
        raise ValidationError(
            f"CustomerMetadataProperties has at most {MAX_METADATA} entries, {version.arn} would "
            f"have {len(metadata)}: remove some with CustomerMetadataPropertiesToRemove"
        )
    spec.pop("CustomerMetadataProperties", None)
    if metadata:
        spec["CustomerMetadataProperties"] = metadata
    added = request.get("AdditionalInferenceSpecificationsToAdd", [])
    if added:
        old = spec.get("AdditionalInferenceSpecifications", [])
        taken = sorted({one["Name"] for one in old} & {one["Name"] for one in added})
        if taken:
            raise ValidationError(
                f"AdditionalInferenceSpecificationsToAdd: {', '.join(taken)} is there already: "
                "give it another Name"
            )
        spec["AdditionalInferenceSpecifications"] = [*old, *added]
    return spec
