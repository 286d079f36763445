"""What a model gets that is made from a registered package: its container, and proof of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.registry.approvals import APPROVED
from modelyard.registry.artifacts import ArtifactRefused, Artifacts
from modelyard.registry.references import find_version, version_of
from modelyard.registry.registration import archives_of
from modelyard.registry.sharing import require_shared
from modelyard.store.encryption.data_keys import DataKeys, NoKeys
from modelyard.store.resources import Resource, Store

#: Gives the keys as a role may use them.
KeysOfRole = Callable[[Context, str], DataKeys]


@dataclass(frozen=True, kw_only=True)
class Deployable:
    """A package that may be deployed."""

    arn: str
    container: dict[str, Any]  # as CreateModel would take it: Image, ModelDataUrl, Environment
    account: str  # in whose bucket the archive lies
    sha256: str  # of the archive that was registered


class Deployments:
    """Resolves packages for hosting.

    Args:
        keys_of: an archive that is under a key is read with those of the model's role, as its
            endpoint will.
    """

    def __init__(
        self,
        store: Store,
        artifacts: Artifacts,
        keys_of: KeysOfRole = lambda _context, _role: NoKeys(),
    ) -> None:
        self._store = store
        self._artifacts = artifacts
        self._keys_of = keys_of

    def resolve(
        self,
        context: Context,
        package: str,
        specification: str | None = None,
        role: str | None = None,
    ) -> Deployable:
        """Return what a package deploys as.

        Args:
            package: its name, `<group>/<version>`, or its ARN, also of another account.
            specification: the name of one of its AdditionalInferenceSpecifications.
            role: the ARN of the model's role, which exists; without one it may use no key.

        Raises:
            ValidationError: it is not there, not approved, not as it was registered, or under a key
                that the role may not use.
            AccessDenied: it is another account's, and not shared for deployment.
        """
        reference = version_of(context, package)
        with self._store.read() as snapshot:
            require_shared(snapshot, context, "sagemaker:CreateModel", reference)
            version = find_version(snapshot, reference)
        status = version.observed.get("ModelApprovalStatus", APPROVED)
        if status != APPROVED:
            raise ValidationError(
                f"Cannot create a model from ModelPackage {version.arn}: its ModelApprovalStatus "
                f"is {status}, and only an Approved model package can be deployed: approve it "
                "with UpdateModelPackage"
            )
        container = _container(version, specification)
        urls = archives_of({"InferenceSpecification": {"Containers": [container]}})
        kept = {one["Url"]: one for one in version.observed.get("Artifacts", [])}
        if not urls or urls[0] not in kept:
            raise ValidationError(
                f"ModelPackage {version.arn} has no archive to deploy: register one with "
                "ModelDataUrl"
            )
        artifact = kept[urls[0]]
        try:
            keys = NoKeys() if role is None else self._keys_of(context, role)
            self._artifacts.require_unchanged(artifact, version.arn, keys)
        except ArtifactRefused as error:
            raise ValidationError(str(error)) from error
        members: dict[str, Any] = {
            name: container[name]
            for name in ("Image", "ContainerHostname", "Environment")
            if name in container
        }
        return Deployable(
            arn=version.arn,
            container={**members, "ModelDataUrl": urls[0]},
            account=artifact["Account"],
            sha256=artifact["Sha256"],
        )


def _container(version: Resource, specification: str | None) -> dict[str, Any]:
    found = version.spec.get("InferenceSpecification")
    if specification is not None:
        named = {
            one["Name"]: one for one in version.spec.get("AdditionalInferenceSpecifications", [])
        }
        if specification not in named:
            raise ValidationError(
                f"InferenceSpecificationName {specification!r} is none of ModelPackage "
                f"{version.arn}: it has {', '.join(sorted(named)) or 'none by name'}"
            )
        found = named[specification]
    containers = (found or {}).get("Containers", [])
    if len(containers) != 1:
        raise ValidationError(
            f"ModelPackage {version.arn} has {len(containers)} containers, and a model has exactly "
            "one here (inference pipelines are not offered yet)"
        )
    container: dict[str, Any] = containers[0]
    return container
