"""Which group or version a request is about: by its name in the caller's account, or by its ARN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.arns import Arn, sagemaker_arn
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.operations.requests import scope_of
from modelyard.store.resources import Resource, Scope, Snapshot

GROUP = "model-package-group"
VERSION = "model-package"


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One group or package, there or not."""

    scope: Scope
    kind: str
    name: str  # `<group>`, `<group>/<version>`, or that of an unversioned package

    @property
    def arn(self) -> str:
        scope = self.scope
        return sagemaker_arn(
            account=scope.account, region=scope.region, kind=self.kind, name=self.name
        )

    @property
    def group(self) -> str | None:
        """The name of the group that it is, or belongs to; None of an unversioned package."""
        if self.kind == GROUP:
            return self.name
        group, slash, _ = self.name.partition("/")
        return group if slash else None


def group_of(context: Context, text: str) -> Reference:
    """Return the group that a name or an ARN means.

    Raises:
        ValidationError: it is the ARN of something else.
    """
    return _reference(context, text, GROUP)


def version_of(context: Context, text: str) -> Reference:
    """Return the package that a name, `<group>/<version>` or an ARN means.

    Raises:
        ValidationError: it is the ARN of something else.
    """
    return _reference(context, text, VERSION)


def find_group(snapshot: Snapshot, reference: Reference) -> Resource:
    """Return the group.

    Raises:
        ValidationError: there is none, in the words that clients know.
    """
    found = snapshot.find(reference.scope, GROUP, reference.name)
    if found is None:
        raise ValidationError(f"ModelPackageGroup {reference.arn} does not exist.")
    return found


def find_version(snapshot: Snapshot, reference: Reference) -> Resource:
    """Return the package.

    Raises:
        ValidationError: there is none, in the words that clients know.
    """
    found = snapshot.find(reference.scope, VERSION, reference.name)
    if found is None:
        raise ValidationError(
            f"Could not find model package: ModelPackage {reference.arn} does not exist."
        )
    return found


def members_of_group(context: Context, request: Mapping[str, Any]) -> str:
    """Return the ARN `…:model-package/<group>/*`: what registering and listing versions is about.

    Without a group: the unversioned package that is named, or all packages.
    """
    group = request.get("ModelPackageGroupName")
    if isinstance(group, str) and group:
        scope, name = scope_of(context), f"{group}/*"
        if group.startswith("arn:"):
            try:
                arn = Arn.parse(group)
            except ValueError:
                return group
            scope, name = Scope(account=arn.account, region=arn.region), f"{arn.name}/*"
        return Reference(scope=scope, kind=VERSION, name=name).arn
    package = request.get("ModelPackageName")
    alone = package if isinstance(package, str) and package else "*"
    return Reference(scope=scope_of(context), kind=VERSION, name=alone).arn


def _reference(context: Context, text: str, kind: str) -> Reference:
    if not text.startswith("arn:"):
        return Reference(scope=scope_of(context), kind=kind, name=text)
    try:
        arn = Arn.parse(text)
    except ValueError as error:
        raise ValidationError(str(error)) from error
    if arn.service != "sagemaker" or arn.kind != kind:
        raise ValidationError(
            f"{text} is not the ARN of a {kind} (arn:aws:sagemaker:region:account:{kind}/name)"
        )
    return Reference(scope=Scope(account=arn.account, region=arn.region), kind=kind, name=arn.name)
