"""The model registry, and what can be searched."""

from __future__ import annotations

from modelyard.assembly.ground import Ground
from modelyard.compute.images import find_image, retrieve
from modelyard.compute.memory import MemoryFolder
from modelyard.governance.cards import content as card_content
from modelyard.governance.cards import search as card_search
from modelyard.governance.cards.rows import CARD
from modelyard.hosting import endpoint_operations
from modelyard.hosting.model_operations import description_of as description_of_model
from modelyard.identity.accounts import find_account
from modelyard.operations.context import Context
from modelyard.operations.requests import scope_of
from modelyard.registry import descriptions, people
from modelyard.registry.approval_operations import ApprovalOperations
from modelyard.registry.approvals import Approvals
from modelyard.registry.artifacts import Artifacts
from modelyard.registry.deployment import Deployments
from modelyard.registry.descriptions import searched_version
from modelyard.registry.group_operations import GroupOperations
from modelyard.registry.references import GROUP, VERSION
from modelyard.registry.registration import Registration
from modelyard.registry.search_operations import Searchable, SearchOperations
from modelyard.registry.sharing import ModelPackageGroupPolicies
from modelyard.registry.source_operations import SourceOperations
from modelyard.registry.version_changes import VersionChanges
from modelyard.registry.version_operations import VersionOperations
from modelyard.store.encryption.data_keys import DataKeys
from modelyard.store.resources import Json, Resource
from modelyard.training import description as training_description


def add_registry(ground: Ground, memory: MemoryFolder) -> Deployments:
    ground.shares.add(ModelPackageGroupPolicies(ground.store))
    store = ground.store
    artifacts = Artifacts(ground.objects)
    approvals = Approvals(people.STORED, artifacts.exists, card_content.problems_of)
    registration = Registration(
        store, artifacts, approvals, card_content.problems_of, keys_of=ground.keys.of
    )
    for capability in (
        GroupOperations(store, account_exists=lambda account: _is_account(ground, account)),
        VersionOperations(store, registration, VersionChanges(store, registration, approvals)),
        ApprovalOperations(store, approvals),
        SearchOperations(store, _searchable()),
        SourceOperations(
            ground.objects,
            registration,
            default_image=lambda region: retrieve("xgboost", "1.7-1", region),
            keys_of=ground.keys.of,
            memory=memory.require,
        ),
    ):
        ground.table.add(capability)
    store.index_missing()

    def keys_of_role(context: Context, role: str) -> DataKeys:
        return ground.keys.of_role(scope_of(context), role, "CreateModel")

    return Deployments(store, artifacts, keys_of_role)


def _is_account(ground: Ground, account: str) -> bool:
    with ground.store.read() as snapshot:
        return find_account(snapshot, ground.settings.account, account) is not None


def _searchable() -> dict[str, Searchable]:
    def searched_job(job: Resource) -> Json:
        return training_description.describe(job, find_image)

    def shown_model(model: Resource) -> Json:
        return {"Model": description_of_model(model)}

    return {
        "ModelPackage": Searchable(
            kind=VERSION, project=searched_version, show=descriptions.describe_version
        ),
        "ModelCard": Searchable(kind=CARD, project=card_search.result, show=card_search.result),
        "ModelPackageGroup": Searchable(
            kind=GROUP, project=descriptions.describe_group, show=descriptions.describe_group
        ),
        "TrainingJob": Searchable(kind="training-job", project=searched_job, show=searched_job),
        "Model": Searchable(kind="model", project=shown_model, show=shown_model),
        "Endpoint": Searchable(
            kind="endpoint",
            project=endpoint_operations.description_of,
            show=endpoint_operations.description_of,
        ),
    }
