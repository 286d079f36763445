"""An export job's life: read the card, print it, put the file where it was asked for.

It may be run again from its beginning at any time: the same job prints the same bytes to the same
place, and its row says whether that was done.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import structlog

from modelyard.governance.cards import content
from modelyard.governance.cards.paper.card import PrintedCard
from modelyard.governance.cards.rows import (
    context_of,
    find_card,
    find_version,
    newest_version,
    person_of,
    status_changes,
)
from modelyard.governance.cards.sealed_content import SealedContents
from modelyard.operations.context import Context
from modelyard.operations.errors import OperationError
from modelyard.store.errors import NotFound, StaleRevision, StoreError
from modelyard.store.objects import Objects, S3Uri
from modelyard.store.resources import Resource, Store

_MAX_REASON = 1024  # characters, as the API has it

log = structlog.get_logger(__name__)


class ExportWorkflow:
    """Carries out export jobs.

    Args:
        render: prints a card; blocking.
    """

    def __init__(
        self,
        store: Store,
        objects_of: Callable[[Context], Objects],
        contents: SealedContents,
        render: Callable[[PrintedCard], bytes],
    ) -> None:
        self._store = store
        self._objects_of = objects_of
        self._contents = contents
        self._render = render
        self._one_at_a_time = asyncio.Semaphore(1)  # the others wait without a thread

    async def run(self, arn: str) -> None:
        """Bring an export job to its end."""
        async with self._one_at_a_time:
            await asyncio.to_thread(self._run, arn)

    def _run(self, arn: str) -> None:
        try:
            with self._store.read() as snapshot:
                job = snapshot.get_by_arn(arn)
        except NotFound:
            return  # deleted with its card
        if job.status != "InProgress":
            return
        try:
            target = S3Uri.parse(job.spec["Target"])
            context = context_of(job.scope, job.spec["Caller"])
            self._objects_of(context).put_bytes(target, self._render(self._card(context, job)))
        except (OperationError, StoreError, ValueError) as error:
            self._end(job, "Failed", FailureReason=str(error)[:_MAX_REASON])
        except Exception as error:
            log.exception("a model card could not be exported", job=arn)
            reason = f"InternalFailure: {type(error).__name__}; the server's log has the details"
            self._end(job, "Failed", FailureReason=reason)
        else:
            self._end(job, "Completed", Artifact=str(target))

    def _end(self, job: Resource, status: str, **observed: str) -> None:
        try:
            with self._store.write() as transaction:
                transaction.update(job, status=status, observed=observed)
        except StaleRevision:
            log.info("an export job is gone, or another run ended it", job=job.arn)

    def _card(self, context: Context, job: Resource) -> PrintedCard:
        with self._store.read() as snapshot:
            card = find_card(snapshot, context, job.spec["ModelCardArn"])
            version = find_version(snapshot, card, job.observed["ModelCardVersion"])
            history = status_changes(snapshot, card)
        document = json.loads(self._contents.open(context, card.arn, version.spec))
        return PrintedCard(
            name=card.name,
            arn=card.arn,
            version=version.observed["ModelCardVersion"],
            newest_version=newest_version(card),
            status=version.status,
            content=document,
            sha256=content.digest(document),
            created_at=card.created_at,
            created_by=person_of(card.observed["CreatedBy"]),
            modified_at=version.modified_at,
            modified_by=person_of(version.observed["LastModifiedBy"]),
            exported_at=job.created_at,
            exported_by=person_of(job.observed["CreatedBy"]),
            export_job=job.arn,
            history=history,
        )
