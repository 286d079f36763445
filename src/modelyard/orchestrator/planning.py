"""From a request to the plan of its stages: what each gets, in which account, as whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError

from modelyard.operations.context import Context
from modelyard.operations.errors import OperationError
from modelyard.orchestrator.assets import Assets, StageAssets, UnseenAssets
from modelyard.orchestrator.blueprints import ImageRetriever, Place
from modelyard.orchestrator.blueprints._integration_tests import SECONDS, TESTS
from modelyard.orchestrator.blueprints._registered_model import PACKAGE
from modelyard.orchestrator.delivery.acting import Acting, pipeline_role_of
from modelyard.orchestrator.delivery.archive import stage_parameters_file
from modelyard.orchestrator.delivery.carrying import copy_key
from modelyard.orchestrator.delivery.integration_tests import DEFAULT_SECONDS, BadTests, TestPlan
from modelyard.orchestrator.delivery.plan import (
    Asset,
    StagePlan,
    approval_after,
    single_stage,
    stage_named,
)
from modelyard.orchestrator.names import shortened
from modelyard.orchestrator.requests import ProvisionRequest, StageRequest, read_request
from modelyard.orchestrator.stacks.resources import ResourceType

STACK_NAME_LIMIT = 128
_UNIQUE = 8  # characters of the pipeline's own stack's id, in the names of its stages' stacks


@dataclass(frozen=True, kw_only=True)
class StageAccount:
    """The account of a stage."""

    id: str
    provider: str = "local"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What provisioning is told when the server starts."""

    execution_role_arn: Callable[[str], str]  # of an account
    retrieve_image: ImageRetriever
    #: The model behind an endpoint, as a caller sees it. Raises ValueError, with a sentence.
    model_of: Callable[[Context, str], str]
    #: Raises ValueError, with a sentence, where no image has a URI.
    require_image: Callable[[str], object]
    stack_prefix: str = "mlops-pipeline"
    use_model_registry: bool = False
    image_repository: str = ""  # the only one that images are built into; empty: any
    #: By stage, in their order; without any, everything is deployed in the pipeline's own account.
    stages: Mapping[str, StageAccount] = field(default_factory=dict)


class Planner:
    """Reads requests and plans their stages.

    Args:
        assets: gives an account's assets bucket.
        load_tests: reads the integration tests of a folder of a caller's assets bucket; raises
            `BadTests`.
    """

    def __init__(
        self,
        types: Mapping[str, ResourceType],
        assets: Callable[[str], Assets],
        load_tests: Callable[[Context, str], object],
        acting: Acting,
        settings: Settings,
    ) -> None:
        self._types = types
        self.assets = assets
        self._load_tests = load_tests
        self._acting = acting
        self._settings = settings

    def read(self, context: Context, body: Mapping[str, Any]) -> ProvisionRequest:
        """Return what a request asks for.

        Raises:
            BadRequest: with all its problems.
        """
        stages = {
            stage: self._place(context, stage, account)
            for stage, account in self._settings.stages.items()
        }
        return read_request(body, self._place(context), self._types, stages)

    def plan(
        self, context: Context, request: ProvisionRequest, name: str, unique: str
    ) -> tuple[StagePlan, ...]:
        """Return the stages of a request.

        Args:
            name: of its stack; where there are several accounts, each stage's begins so.
            unique: the id of the pipeline's own stack.
        """
        tested = bool(request.values.get(TESTS))
        return tuple(
            self._stage(context, key, stage, name, unique, tested=tested)
            if key
            else single_stage(context.account, name, stage.parameters, tested=tested)
            for key, stage in request.stages.items()
        )

    def _stage(
        self,
        context: Context,
        key: str,
        request: StageRequest,
        name: str,
        unique: str,
        *,
        tested: bool,
    ) -> StagePlan:
        title, action, test = stage_named(key)
        account = self._settings.stages[key]
        hub = self.assets(context.account)
        assets = {
            parameter: _asset(hub, name, original) for parameter, original in request.assets.items()
        }
        copies = {parameter: asset.copy for parameter, asset in assets.items()}
        ending = f"-{key}-{unique[:_UNIQUE]}"
        return StagePlan(
            name=title,
            key=key,
            action=action,
            account=account.id,
            provider=account.provider,
            role=pipeline_role_of(account.id),
            stack_name=shortened(name, STACK_NAME_LIMIT - len(ending)) + ending,
            parameters={**request.parameters, **copies},
            parameters_file=stage_parameters_file(key),
            test=test if tested else "",
            approval=approval_after(key),
            assets=tuple(assets.values()),
        )

    def _place(self, context: Context, stage: str = "", where: StageAccount | None = None) -> Place:
        hub = self.assets(context.account)
        account, assets = context.account, hub
        if where is not None:
            account = where.id
            kind = StageAssets if where.provider == "local" else UnseenAssets
            assets = kind(hub, self.assets(account))
        return Place(
            region=context.region,
            assets=assets,
            execution_role_arn=self._settings.execution_role_arn(account),
            retrieve_image=self._settings.retrieve_image,
            model_of=lambda endpoint: self._model_of(context, stage, account, endpoint),
            require_image=self._settings.require_image,
            use_model_registry=self._settings.use_model_registry,
            image_repository=self._settings.image_repository,
            tests_problem=lambda prefix: self._tests_problem(context, prefix),
        )

    def _model_of(self, context: Context, stage: str, account: str, endpoint: str) -> str:
        """Return the model behind an endpoint, as whoever deploys the stage sees it.

        Raises:
            ValueError: there is no such endpoint, or its account cannot be asked.
        """
        role = pipeline_role_of(account) if stage else ""
        try:
            acting = self._acting.stage(context, account, role)
            return self._settings.model_of(acting, endpoint)
        except (OperationError, BotoCoreError) as error:
            raise ValueError(f"the account {account} cannot be asked: {error}") from error

    def _tests_problem(self, context: Context, prefix: str) -> str | None:
        try:
            self._load_tests(context, prefix)
        except BadTests as error:
            return str(error)
        return None


def tests_of(request: ProvisionRequest) -> dict[str, Any] | None:
    """Return the integration tests that a request asks for, as a source keeps them."""
    prefix = request.values.get(TESTS)
    if not prefix:
        return None
    seconds = int(request.values.get(SECONDS) or DEFAULT_SECONDS)
    return TestPlan(prefix=prefix, seconds=seconds).to_json()


def model_package_of(request: ProvisionRequest) -> str | None:
    """Return the ARN of the version of the registry that a request is about, or None."""
    return request.values.get(PACKAGE) or None


def _asset(hub: Assets, stack_name: str, key: str) -> Asset:
    version = hub.version_of(key)
    return Asset(key=key, version=version, copy=copy_key(stack_name, key, version))
