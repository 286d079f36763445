"""An image builder at work: fetch the archive, build the image, give it its tag.

Each is an action of the pipeline, and begins anew whenever it is run: nothing of a build that was
interrupted is used. The image and its tag are written in one transaction, and only if the execution
is still the newest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from modelyard import clock
from modelyard.compute.containers.building import BuildError
from modelyard.compute.job_files import remove_tree
from modelyard.compute.runtime import RuntimeUnavailableError
from modelyard.containers.catalogue import register
from modelyard.containers.references import image_uri
from modelyard.containers.workshop import ImageWorkshop
from modelyard.orchestrator.assets import Assets
from modelyard.orchestrator.delivery.runs import ROLLBACK, SUCCEEDED, Action
from modelyard.orchestrator.delivery.work import Work
from modelyard.orchestrator.image_builds.source import SourceError, base_images, unpack
from modelyard.store.errors import StoreError
from modelyard.store.logs import LogStreams
from modelyard.store.resources import Resource, Store

_SOFTWARE_FILE = "software.cdx.json"
_VULNERABILITIES_FILE = "vulnerabilities.json"
_NO_ROLLBACK = (
    "an image builder is not rolled back: earlier images are still there, by their digests"
)


class ImageBuilds:
    """Carries out the actions of image builders. For one event loop.

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

    async def fetch(self, work: Work) -> Action:
        """Read the archive through; return the action as it ended."""
        folder = self._folder / work.action.id
        try:
            digest = await self._unpack(work, folder)
        except (SourceError, StoreError, OSError) as error:
            return work.failed(str(error))
        finally:
            await asyncio.to_thread(remove_tree, folder)
        return work.action.evolve(
            SUCCEEDED, summary=f"Amazon S3 version id: {digest}", external_id=digest
        )

    async def build(self, work: Work) -> Action:
        """Build the image and give it its tag; return the action as it ended.

        Raises:
            LookAgain: a newer execution, or a deletion, wants it gone.
        """
        if work.execution.type == ROLLBACK:
            return work.failed(_NO_ROLLBACK)
        building = asyncio.ensure_future(self._build(work))
        try:
            while not building.done():
                await asyncio.wait({building}, timeout=self._poll_seconds)
                if not building.done():
                    await asyncio.to_thread(self._look, work)
            return await building
        finally:
            building.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await building

    async def _unpack(self, work: Work, folder: Path) -> str:
        await asyncio.to_thread(remove_tree, folder)
        key = work.source["parameters"]["CustomContainer"]
        return await asyncio.to_thread(
            unpack, self._assets(work.pipeline.scope.account), key, folder
        )

    async def _build(self, work: Work) -> Action:
        scope = work.pipeline.scope
        folder = self._folder / work.action.id
        context = folder / "context"
        stream = work.execution.id
        uri = _uri(work)
        with self._logs.writer(
            scope.account, scope.region, log_group(work.pipeline), stream
        ) as written:
            try:
                archive = await self._unpack(work, folder)
                _require_same(work, archive)
                digest = await self._workshop.build(
                    scope,
                    uri,
                    context,
                    await asyncio.to_thread(lambda: list(base_images(context))),
                    written.write,
                    identity=f"image-build/{work.pipeline.arn}",
                )
                report = await self._workshop.scan(digest, written.write)
                await asyncio.to_thread(self._publish, work, archive, digest, report)
            except (
                BuildError,
                RuntimeUnavailableError,
                SourceError,
                StoreError,
                OSError,
            ) as error:
                written.write(f"modelyard: {error}")
                return work.failed(
                    str(error), summary="The image was not built.", external_id=_log_of(work)
                )
            finally:
                await asyncio.to_thread(remove_tree, folder)
        return work.action.evolve(
            SUCCEEDED, summary=f"Image {uri} was built ({digest}).", external_id=_log_of(work)
        )

    def _publish(self, work: Work, archive: str, digest: str, report: bytes | None) -> None:
        """Put the list of the image's software where its owner can read it; tag the image.

        Args:
            report: what is known against it; None: it was compared with no advisories.
        """
        pipeline, parameters = work.pipeline, work.source["parameters"]
        assets = self._assets(pipeline.scope.account)
        software = software_key(pipeline, digest)
        assets.put(software, self._workshop.software(digest))
        origin = {
            "source": f"s3://{assets.bucket}/{parameters['CustomContainer']}",
            "source_sha256": archive,
            "pipeline": pipeline.arn,
            "software": f"s3://{assets.bucket}/{software}",
            "built_at": clock.now().isoformat(),
        }
        made = {"ImageDigest": digest, "SoftwareBillOfMaterials": origin["software"]}
        if report is not None:
            known = software_key(pipeline, digest, _VULNERABILITIES_FILE)
            assets.put(known, report)
            made["Vulnerabilities"] = f"s3://{assets.bucket}/{known}"
        with self._store.write() as transaction:
            work.require(transaction)
            register(
                transaction,
                pipeline.scope,
                parameters["ECRRepoName"],
                parameters["ImageTag"],
                digest,
                origin=origin,
            )
            stack = transaction.get_by_arn(work.source["pipeline_stack"])
            transaction.update(stack, observed={"outputs": {**stack.observed["outputs"], **made}})

    def _look(self, work: Work) -> None:
        with self._store.read() as snapshot:
            work.require(snapshot)


def log_group(pipeline: Resource) -> str:
    """Return the log group that CodeBuild would write to; each execution has a stream in it."""
    return f"/aws/codebuild/{pipeline.name}"


def software_key(pipeline: Resource, digest: str, name: str = _SOFTWARE_FILE) -> str:
    """Return the key, in the assets bucket, of what is known of an image's software."""
    return f"container_images/{pipeline.name}/{digest.removeprefix('sha256:')}/{name}"


def _require_same(work: Work, archive: str) -> None:
    """Return if the archive is the one that the source stage has read.

    Raises:
        SourceError: another one has been put in its place since then.
    """
    read = work.execution.stages[0].actions[0].external_id
    if archive != read:
        key = work.source["parameters"]["CustomContainer"]
        raise SourceError(
            f"{key} was replaced while the pipeline ran: it had the SHA-256 {read} in the source "
            f"stage, and has {archive} now. Ask for the pipeline again, which builds the new one"
        )


def _uri(work: Work) -> str:
    parameters = work.source["parameters"]
    return image_uri(work.pipeline.scope, parameters["ECRRepoName"], tag=parameters["ImageTag"])


def _log_of(work: Work) -> str:
    return f"{work.pipeline.name}:{work.execution.id}"
