"""Keeps the stage table in step with the registry."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from modelyard.arns import Arn
from modelyard.governance.stages.rows import DELETED, KIND, row_of, stage_arn
from modelyard.store.errors import NotFound
from modelyard.store.outbox import Event
from modelyard.store.resources import Scope, Transaction

#: The kind of what it follows.
VERSION = "model-package"


class StageKeeper:
    """The outbox's projector that writes a version's row whenever the version changes."""

    def __call__(self, events: Sequence[Event]) -> Callable[[Transaction], None]:
        """Return what brings the rows of all events' versions up to date; again does no harm."""
        arns = list(dict.fromkeys(event.arn for event in events if event.kind == VERSION))

        def write(transaction: Transaction) -> None:
            for arn in arns:
                self._bring_up_to_date(transaction, arn)

        return write

    def _bring_up_to_date(self, transaction: Transaction, arn: str) -> None:
        try:
            version = transaction.get_by_arn(arn)
        except NotFound:
            self._keep(transaction, arn)
            return
        if "ModelPackageVersion" not in version.observed:
            return
        row = transaction.find(version.scope, KIND, version.name)
        if row is None:
            said = row_of(version, {})
            transaction.create(
                version.scope,
                KIND,
                version.name,
                arn=stage_arn(version.scope, version.name),
                spec={},
                status=said["ModelApprovalStatus"],
                observed=said,
            )
            return
        said = row_of(version, row.observed)
        if said != row.observed:
            transaction.update(row, status=said["ModelApprovalStatus"], observed=said)

    def _keep(self, transaction: Transaction, arn: str) -> None:
        """Note that a version was deleted; what was decided on it stays."""
        named = Arn.parse(arn)
        scope = Scope(account=named.account, region=named.region)
        row = transaction.find(scope, KIND, named.name)
        if row is not None and row.observed["ModelPackageStatus"] != DELETED:
            transaction.update(row, status=DELETED, observed={"ModelPackageStatus": DELETED})
