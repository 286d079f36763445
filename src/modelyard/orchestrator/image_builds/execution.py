"""An image builder at work: fetch the archive, build the image, give it its tag.

The workflow looks at the pipeline's row and begins anew whenever it runs: nothing of a build that
was interrupted is used. The image, its tag and the end of the execution are written in one
transaction, and only if the execution is still the newest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import structlog

from modelyard import clock
from modelyard.compute.containers.building import BuildError
from modelyard.compute.job_files import remove_tree
from modelyard.compute.runtime import RuntimeUnavailableError
from modelyard.containers.catalogue import register
from modelyard.containers.references import image_uri
from modelyard.containers.workshop import ImageWorkshop
from modelyard.orchestrator.assets import Assets
from modelyard.orchestrator.delivery import pipeline as rows
from modelyard.orchestrator.delivery.pipeline import Action, Execution
from modelyard.orchestrator.image_builds.source import SourceError, base_images, unpack
from modelyard.store.errors import NotFound, StoreError
from modelyard.store.logs import LogStreams
from modelyard.store.resources import Resource, Store, Transaction

log = structlog.get_logger(__name__)

_RETRY_SECONDS = 5.0
_SOFTWARE_FILE = "software.cdx.json"


class _Superseded(Exception):
    """The pipeline's row says something else by now, or is gone."""


class ImageBuilds:
    """The workflow of image builders. For one event loop.

    Args:
        assets: gives an account's assets bucket.
        folder: for archives while they are built of.
        poll_seconds: how often a build looks whether it is still wanted.
    """

    def __init__(
        self,
        store: Store,
        workshop: ImageWorkshop,
        assets: Callable[[str], Assets],
        logs: LogStreams,
        folder: Path,
        *,
        poll_seconds: float = 1.0,
    ) -> None:
        self._store = store
        self._workshop = workshop
        self._assets = assets
        self._logs = logs
        self._folder = folder
        self._poll_seconds = poll_seconds

    async def run(self, arn: str) -> None:
        """Bring a pipeline's newest execution to its end: the workflow's function."""
        while True:
            pipeline = await asyncio.to_thread(self._find, arn)
            if pipeline is None or pipeline.status != rows.IN_PROGRESS:
                return
            try:
                await self._execute(pipeline)
            except _Superseded:
                continue
            except Exception as error:
                # What went wrong is written down below. Here even that could not be: it is tried
                # again until it can.
                log.error("image builder cannot be written", pipeline=arn, reason=str(error))
                await asyncio.sleep(_RETRY_SECONDS)

    async def _execute(self, pipeline: Resource) -> None:
        execution = Execution.of(pipeline)
        folder = self._folder / execution.id
        try:
            await asyncio.to_thread(remove_tree, folder)
            execution = await self._fetch(pipeline, execution, folder)
            if execution.source.status == rows.SUCCEEDED:
                await self._build_while_wanted(pipeline, execution, folder)
        finally:
            await asyncio.to_thread(remove_tree, folder)

    async def _fetch(self, pipeline: Resource, execution: Execution, folder: Path) -> Execution:
        key = pipeline.spec["parameters"]["CustomContainer"]
        assets = self._assets(pipeline.scope.account)
        try:
            digest = await asyncio.to_thread(unpack, assets, key, folder)
        except (SourceError, StoreError, OSError) as error:
            source = execution.source.evolve(rows.FAILED, error=str(error))
            return await self._save(pipeline, replace(execution, source=source, status=rows.FAILED))
        source = execution.source.evolve(
            rows.SUCCEEDED, summary=f"Amazon S3 version id: {digest}", external_id=digest
        )
        build = Action(id=execution.deploy.id, external_id=f"{pipeline.name}:{execution.id}")
        deploy = build.evolve(rows.IN_PROGRESS)
        return await self._save(pipeline, replace(execution, source=source, deploy=deploy))

    async def _build_while_wanted(
        self, pipeline: Resource, execution: Execution, folder: Path
    ) -> None:
        """Build, and end that as soon as a newer execution or a deletion wants it gone."""
        building = asyncio.ensure_future(self._build(pipeline, execution, folder))
        try:
            while not building.done():
                await asyncio.wait({building}, timeout=self._poll_seconds)
                await asyncio.to_thread(self._look, pipeline, execution)
            await building
        finally:
            building.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await building

    async def _build(self, pipeline: Resource, execution: Execution, folder: Path) -> None:
        scope = pipeline.scope
        parameters = pipeline.spec["parameters"]
        repository, tag = parameters["ECRRepoName"], parameters["ImageTag"]
        uri = image_uri(scope, repository, tag=tag)
        context = folder / "context"
        with self._logs.writer(
            scope.account, scope.region, log_group(pipeline), execution.id
        ) as written:
            try:
                digest = await self._workshop.build(
                    scope,
                    uri,
                    context,
                    await asyncio.to_thread(lambda: list(base_images(context))),
                    written.write,
                    identity=f"image-build/{pipeline.arn}",
                )
                await asyncio.to_thread(self._publish, pipeline, digest)
            except (BuildError, RuntimeUnavailableError, StoreError, OSError) as error:
                written.write(f"modelyard: {error}")
                await self._failed(pipeline, execution, str(error))
                return
        await self._succeeded(pipeline, execution, uri, digest)

    def _publish(self, pipeline: Resource, digest: str) -> None:
        """Put the list of the image's software where its owner can read it."""
        self._assets(pipeline.scope.account).put(
            software_key(pipeline, digest), self._workshop.software(digest)
        )

    async def _failed(self, pipeline: Resource, execution: Execution, reason: str) -> None:
        deploy = execution.deploy.evolve(
            rows.FAILED, summary="The image was not built.", error=reason
        )
        await self._save(pipeline, replace(execution, deploy=deploy, status=rows.FAILED))

    async def _succeeded(
        self, pipeline: Resource, execution: Execution, uri: str, digest: str
    ) -> None:
        deploy = execution.deploy.evolve(
            rows.SUCCEEDED, summary=f"Image {uri} was built ({digest})."
        )
        bucket = self._assets(pipeline.scope.account).bucket
        parameters = pipeline.spec["parameters"]
        origin = {
            "source": f"s3://{bucket}/{parameters['CustomContainer']}",
            "source_sha256": execution.source.external_id,
            "pipeline": pipeline.arn,
            "software": f"s3://{bucket}/{software_key(pipeline, digest)}",
            "built_at": clock.now().isoformat(),
        }

        def registered(transaction: Transaction) -> None:
            register(
                transaction,
                pipeline.scope,
                parameters["ECRRepoName"],
                parameters["ImageTag"],
                digest,
                origin=origin,
            )
            stack = transaction.get_by_arn(pipeline.spec["pipeline_stack"])
            made = {"ImageDigest": digest, "SoftwareBillOfMaterials": origin["software"]}
            outputs = {**stack.observed["outputs"], **made}
            transaction.update(stack, observed={"outputs": outputs})

        await self._save(
            pipeline, replace(execution, deploy=deploy, status=rows.SUCCEEDED), registered
        )

    async def _save(
        self,
        pipeline: Resource,
        execution: Execution,
        more: Callable[[Transaction], None] = lambda _transaction: None,
    ) -> Execution:
        def save() -> None:
            with self._store.write() as transaction:
                current = self._current(transaction.get_by_arn, pipeline, execution)
                changed = transaction.update(
                    current, status=execution.status, observed={"execution": execution.to_json()}
                )
                if changed.status == current.status:
                    transaction.announce(changed)  # an action has ended, or begun
                more(transaction)

        await asyncio.to_thread(save)
        return execution

    def _look(self, pipeline: Resource, execution: Execution) -> None:
        with self._store.read() as snapshot:
            self._current(snapshot.get_by_arn, pipeline, execution, also_done=True)

    def _current(
        self,
        get: Callable[[str], Resource],
        pipeline: Resource,
        execution: Execution,
        *,
        also_done: bool = False,
    ) -> Resource:
        """Return the pipeline's row, if this execution is still its newest."""
        try:
            current = get(pipeline.arn)
        except NotFound as error:
            raise _Superseded from error
        wanted = (
            (rows.IN_PROGRESS, rows.SUCCEEDED, rows.FAILED) if also_done else (rows.IN_PROGRESS,)
        )
        if current.status not in wanted or Execution.of(current).id != execution.id:
            raise _Superseded
        return current

    def _find(self, arn: str) -> Resource | None:
        with self._store.read() as snapshot:
            try:
                return snapshot.get_by_arn(arn)
            except NotFound:
                return None


def log_group(pipeline: Resource) -> str:
    """Return the log group that CodeBuild would write to; each execution has a stream in it."""
    return f"/aws/codebuild/{pipeline.name}"


def software_key(pipeline: Resource, digest: str) -> str:
    """Return the key, in the assets bucket, of the list of an image's software."""
    return f"container_images/{pipeline.name}/{digest.removeprefix('sha256:')}/{_SOFTWARE_FILE}"
