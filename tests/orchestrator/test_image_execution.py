"""The build stage of an image builder builds what the source stage has read, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from modelyard.containers.workshop import ImageWorkshop
from modelyard.orchestrator.assets import Assets
from modelyard.orchestrator.delivery.plan import ARCHIVE, BUILD
from modelyard.orchestrator.delivery.runs import FAILED, SUCCEEDED, Action, Execution, Stage
from modelyard.orchestrator.delivery.work import Work
from modelyard.orchestrator.image_builds.execution import ImageBuilds
from modelyard.store.logs import LogStreams
from modelyard.store.objects import ObjectStores
from modelyard.store.resources import Scope
from tests.orchestrator.test_image_source import archive
from tests.orchestrator.world import new_store


class NoWorkshop:
    """Builds nothing, and is not asked to."""

    async def build(self, *_arguments: object, **_options: object) -> str:
        raise AssertionError("it was built")


@pytest.mark.parametrize("replaced", [True, False])
async def test_an_archive_that_is_replaced_between_the_stages_is_refused(
    tmp_path: Path, replaced: bool
) -> None:
    objects = ObjectStores(tmp_path / "objects").of("123456789012")
    objects.create_bucket("assets")
    assets = Assets(objects, "assets")
    assets.put("x.zip", archive({"Dockerfile": b"FROM scratch"}))
    with new_store() as store:
        scope = Scope(account="123456789012", region="us-east-1")
        with store.write() as transaction:
            pipeline = transaction.create(
                scope, "pipeline", "p", arn="arn:aws:codepipeline:p", spec={}, status="Active"
            )
        builds = ImageBuilds(
            store,
            cast(ImageWorkshop, NoWorkshop()),
            lambda _account: assets,
            LogStreams(tmp_path / "logs"),
            tmp_path / "work",
            poll_seconds=60,
        )
        parameters = {"CustomContainer": "x.zip", "ECRRepoName": "toys/x", "ImageTag": "1"}

        def work(action: Action, source: Action) -> Work:
            stages = tuple(Stage(name=one.name, actions=(one,)) for one in (source, action))
            return Work(
                pipeline=pipeline,
                execution=Execution(id="e", status="InProgress", stages=stages),
                source={"parameters": parameters},
                stage=stages[-1],
                action=action,
                plan=None,
                check=lambda *_: pipeline,
            )

        first = Action.new("S3Source", ARCHIVE)
        source = await builds.fetch(work(first, first))
        assert (source.status, len(source.external_id)) == (SUCCEEDED, 64)
        build = work(Action.new("CodeBuild", BUILD), source)
        if not replaced:
            with pytest.raises(AssertionError, match="it was built"):
                await builds.build(build)
            return
        assets.put("x.zip", archive({"Dockerfile": b"FROM scratch", "more": b"1"}))
        ended = await builds.build(build)
    assert ended.status == FAILED
    assert "x.zip was replaced while the pipeline ran" in ended.error
    assert source.external_id in ended.error
