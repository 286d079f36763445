"""The source action: what is delivered is written to the assets bucket, as an archive."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

import structlog

from modelyard.orchestrator.assets import Assets
from modelyard.orchestrator.delivery.archive import archive, archive_key
from modelyard.orchestrator.delivery.plan import plan_of
from modelyard.orchestrator.delivery.runs import SUCCEEDED, Action
from modelyard.orchestrator.delivery.work import Work

log = structlog.get_logger(__name__)


class Publisher:
    """Carries out source actions.

    Args:
        assets: gives an account's assets bucket.
    """

    def __init__(self, assets: Callable[[str], Assets]) -> None:
        self._assets = assets

    async def carry_out(self, work: Work) -> Action:
        """Write the archive; return the action as it ended."""
        source, account = work.source, work.pipeline.scope.account
        parameters = {stage.parameters_file: stage.parameters for stage in plan_of(source, account)}
        data = archive(source["template_file"], source["template"], parameters)
        version = hashlib.sha256(data).hexdigest()
        assets, key = self._assets(account), archive_key(source["stack_name"])
        try:
            await asyncio.to_thread(assets.put, key, data)
        except Exception as error:
            log.warning("source not published", pipeline=work.pipeline.arn, reason=str(error))
            return work.failed(f"s3://{assets.bucket}/{key}: {error}")
        return work.action.evolve(
            SUCCEEDED, summary=f"Amazon S3 version id: {version}", external_id=version
        )
