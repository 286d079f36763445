"""Configurations from a Git repository and from a bucket."""

from __future__ import annotations

from modelyard.assembly.ground import Ground
from modelyard.orchestrator.gitops import configurations
from modelyard.orchestrator.gitops.execution import ConfigurationRunner
from modelyard.orchestrator.gitops.intake import Intake
from modelyard.orchestrator.gitops.operations import ConfigurationOperations
from modelyard.orchestrator.gitops.repository import GitFailed, Repository, git_program
from modelyard.orchestrator.service import OrchestratorService
from modelyard.store.errors import StoreError
from modelyard.store.s3_uris import S3Uri


def add_gitops(ground: Ground, service: OrchestratorService) -> Intake:
    """Take configurations in, and have them provisioned.

    Raises:
        StoreError: the repository cannot be made.
    """
    settings, store, account = ground.settings, ground.store, ground.settings.account
    bucket = settings.configuration_bucket
    if bucket and not ground.objects.of(account).has_bucket(bucket):
        ground.objects.of(account).create_bucket(bucket)

    def write(account: str, bucket: str, key: str, data: bytes) -> None:
        ground.objects.of(account).put_bytes(S3Uri(bucket, key), data)

    runner = ConfigurationRunner(store, service.provision, write)
    ground.engine.register(configurations.WORKFLOW, runner.run)
    ground.table.add(ConfigurationOperations(store))
    return Intake(
        store,
        ground.engine,
        account,
        ground.objects_of,
        repository=_repository(ground),
        bucket=bucket,
    )


def _repository(ground: Ground) -> Repository | None:
    name = ground.settings.configuration_repository
    if not name:
        return None
    program = git_program()
    if program is None:
        raise StoreError(
            f"the configuration repository {name} needs git with its HTTP backend: install git"
        )
    folder = ground.home.repositories / ground.settings.account
    repository = Repository(program, folder, name)
    try:
        repository.establish()
    except GitFailed as error:
        raise StoreError(f"the configuration repository cannot be used: {error}") from error
    return repository
