"""Carrying assets to the account of a stage: its models may only be made of what lies there.

The copy has a key that says which content it is of, so what was tested in one stage is what the
next one gets. Whoever replaces the original after it was provisioned changes nothing that is
deployed: the action that would have copied it says so. Reading and writing are asked of the
policies, of each account for its own.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from modelyard.operations.context import Context
from modelyard.orchestrator.delivery.plan import Asset
from modelyard.store.objects import Objects
from modelyard.store.s3_uris import S3Uri


class AssetLost(Exception):
    """The object is no longer the one that was provisioned."""


class Guard(Protocol):
    """Surrounds a call that must be allowed; see `OperationTable.guard`."""

    def __call__(
        self, context: Context, action: str, resource: str, request: Mapping[str, object], /
    ) -> AbstractContextManager[None]:
        """Authorise on the way in.

        Raises:
            AccessDenied: the policy forbids it.
        """


class Carrier:
    """Copies objects between the assets buckets of accounts.

    Args:
        objects_of: gives a caller's objects.
        bucket_of: the name of an account's assets bucket.
    """

    def __init__(
        self,
        guard: Guard,
        objects_of: Callable[[Context], Objects],
        bucket_of: Callable[[str], str],
    ) -> None:
        self._guard = guard
        self._objects_of = objects_of
        self._bucket_of = bucket_of

    def carry(self, hub: Context, stage: Context, asset: Asset) -> None:
        """Copy an asset, unless its copy is there.

        Raises:
            AssetLost: the original is not what was provisioned, and there is no copy of that.
            AccessDenied: one of the two may not read, or not write.
            StoreError: it cannot be read, or cannot be written.
        """
        source = S3Uri(self._bucket_of(hub.account), asset.key)
        target = S3Uri(self._bucket_of(stage.account), asset.copy)
        if source == target or self._objects_of(stage).exists(target):
            return
        with self._guard(hub, "s3:GetObject", _arn(source), {}):
            objects = self._objects_of(hub)
            if not objects.exists(source) or objects.head(source).version != asset.version:
                raise AssetLost(
                    f"{source} is not what it was when the pipeline was provisioned: provision it "
                    "once more"
                )
        with (
            self._guard(stage, "s3:PutObject", _arn(target), {}),
            objects.open(source) as reading,
            self._objects_of(stage).writing(target) as writing,
        ):
            shutil.copyfileobj(reading, writing, 1 << 20)


def copy_key(stack_name: str, key: str, version: str) -> str:
    """Return the key of the copy of an asset, whose content has a version."""
    digest = hashlib.sha256(version.encode()).hexdigest()[:16]
    return f"mlops_provisioned_pipelines/{stack_name}/assets/{digest}/{key.rpartition('/')[2]}"


def _arn(uri: S3Uri) -> str:
    return f"arn:aws:s3:::{uri.bucket}/{uri.key}"
