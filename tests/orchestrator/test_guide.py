"""Every request body of the guide's section "API operations" is accepted, in all four set-ups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from types import FunctionType
from typing import Any

import pytest

from modelyard.monitoring.types import TYPES
from modelyard.operations.context import Context
from modelyard.operations.errors import ResourceNotFound
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import named
from modelyard.store.s3_uris import S3Uri
from tests import guide
from tests.orchestrator.platform import ASSETS, IMAGE, Platform
from tests.orchestrator.stages import ACCOUNTS, Stages
from tests.orchestrator.world import ACCOUNT, new_store

SINGLE = guide.Filling(bucket=ASSETS, endpoint="census", image=IMAGE)
STAGED = guide.Filling(
    bucket=dict.fromkeys(ACCOUNTS, ASSETS), endpoint=dict.fromkeys(ACCOUNTS, "census"), image=IMAGE
)
#: By whether there are several accounts: what stands in for the placeholders.
FILLINGS = {False: SINGLE, True: STAGED}
FILES = {
    SINGLE.artifact: b"content",
    SINGLE.image_archive: b"content",
    SINGLE.train: b"1,2\n",
    SINGLE.validation: b"1,2\n",
    SINGLE.table: b"label,facet\n1,2\n",
    SINGLE.answered: b"prediction,probability,label\n1,0.9,1\n",
    SINGLE.rows: b"2\n",
    SINGLE.shap_rows: b"2\n",
}
CASES = [
    pytest.param(staged, registry, name, id=f"{mode}-registry-{told}-{name.replace(' ', '-')}")
    for staged, mode in ((False, "single"), (True, "multi"))
    for registry, told in ((False, "no"), (True, "yes"))
    for name in guide.bodies(FILLINGS[staged])
]

SCHEDULE = named("monitoring-schedule", "MonitoringScheduleName")
LOOKED_AT = {
    "ProcessingJob": named("processing-job", "ProcessingJobName"),
    "MonitoringSchedule": SCHEDULE,
    **{
        f"{monitor.name}JobDefinition": named(monitor.kind, "JobDefinitionName")
        for monitor in TYPES.values()
    },
}
Platforms = Callable[[bool, bool], Platform]


def absent(_self: object, _context: Context, _request: Request) -> Response:
    raise ResourceNotFound


def monitoring() -> object:
    """Return what monitors are made by; here it is only asked whether there are any."""
    members = {
        f"{verb}_{noun}": operation("sagemaker", f"{verb}{noun}", on=target)(
            FunctionType(absent.__code__, absent.__globals__)
        )
        for noun, target in LOOKED_AT.items()
        for verb in ("Create", "Describe")
    }
    return type("Monitoring", (), members)()


@pytest.fixture(scope="module")
def platforms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platforms]:
    """Gives the platform for several accounts or one, for models of the registry only or not."""
    with ExitStack() as stores:

        @cache
        def platform(staged: bool, registry: bool) -> Platform:
            kind = Stages if staged else Platform
            store = stores.enter_context(new_store())
            made = kind(store, tmp_path_factory.mktemp("p"), {"use_model_registry": registry})
            made.retrieve = lambda *_what: IMAGE
            made.table.add(monitoring())
            for account in (ACCOUNT, *(ACCOUNTS.values() if staged else ())):
                for key, content in FILES.items():
                    made.objects.of(account).put_bytes(S3Uri(ASSETS, key), content)
            return made

        yield platform


def body_of(staged: bool, registry: bool, name: str) -> guide.Body:
    fill = replace(FILLINGS[staged], model=name.replace(", ", "-").replace(" ", "-"))
    body = guide.bodies(fill)[name]
    return guide.registered(body, fill.package) if registry and name in guide.models(fill) else body


async def post(platform: Platform, path: str, body: guide.Body) -> Any:
    """Return what is answered at the door."""
    return await Platform.ask(platform, path, body)


@pytest.mark.parametrize(("staged", "registry", "name"), CASES)
async def test_a_body_of_the_guide_is_accepted(
    platforms: Platforms, staged: bool, registry: bool, name: str
) -> None:
    platform, body = platforms(staged, registry), body_of(staged, registry, name)
    answer = await post(platform, "/provisionpipeline", body)
    assert answer.status == 200, answer.text
    assert answer.json["message"] == "success: stack creation started"
    id_ = answer.json["pipeline_id"]
    assert id_.startswith(f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/mlops-pipeline-")
    state = (await post(platform, "/pipelinestatus", {"Pipeline_id": id_})).json
    assert [stage["stageName"] for stage in state["stageStates"]] == stages_of(staged, name)

    again = await post(platform, "/provisionpipeline", guide.as_text(body))
    assert again.status == 200, again.text
    assert "is already provisioned" in again.json["message"]


def stages_of(staged: bool, name: str) -> list[str]:
    """Return the stages of a pipeline; what trains or builds has those of one account always."""
    if name == "image builder":
        return ["Source", "Build"]
    if staged and name not in guide.training(STAGED):
        return ["Source", "DeployDev", "DeployStaging", "DeployProd"]
    return ["Source", "DeployCloudFormation"]


@pytest.mark.parametrize("name", guide.models(SINGLE))
@pytest.mark.parametrize("staged", [False, True], ids=["single", "multi"])
async def test_a_model_that_is_not_of_the_registry_is_refused_where_only_those_are_deployed(
    platforms: Platforms, staged: bool, name: str
) -> None:
    body = body_of(staged, False, name) | {"model_name": "unregistered"}
    answer = await post(platforms(staged, True), "/provisionpipeline", body)
    assert answer.status == 400
    assert answer.json["detailedMessage"].startswith(
        "Bad request. API body does not have the necessary parameter: model_package_name"
    )


async def test_what_the_guides_examples_cannot_have_is_lowered_and_said(
    platforms: Platforms,
) -> None:
    platform = platforms(True, False)
    bias = body_of(True, False, "bias") | {"model_name": "told"}
    said = (await post(platform, "/provisionpipeline", bias)).json["remarks"]
    assert said == [
        "monitor_max_runtime_seconds: 3300 was lowered to 1800, which is what an hourly modelbias "
        "monitor may take"
    ]
    for kind, other in (("realtime", "ml.t2.2xlarge"), ("batch", "ml.m5.2xlarge")):
        body = body_of(True, False, f"{kind} builtin") | {"model_name": "told"}
        assert (await post(platform, "/provisionpipeline", body)).json["remarks"] == [
            f"inference_instance: ml.t3.2xlarge is for jobs only: {other} stands in for it "
            "(in the stage dev)"
        ]
