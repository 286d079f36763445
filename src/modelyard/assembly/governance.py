"""Model cards and the stage table."""

from __future__ import annotations

from functools import partial

from modelyard.assembly.ground import Ground
from modelyard.governance.cards import export_operations
from modelyard.governance.cards.drafting.operations import DraftOperations
from modelyard.governance.cards.export_operations import ModelCardExportOperations
from modelyard.governance.cards.export_workflow import ExportWorkflow
from modelyard.governance.cards.operations import ModelCardOperations
from modelyard.governance.cards.paper.card import PrintedCard
from modelyard.governance.cards.sealed_content import SealedContents
from modelyard.governance.costs.operations import CostOperations
from modelyard.governance.stages.operations import StageOperations
from modelyard.identity.accounts import list_accounts
from modelyard.store.resources import Snapshot


def add_governance(ground: Ground) -> DraftOperations:
    store, objects, table = ground.store, ground.objects, ground.table
    contents = SealedContents(table)
    for capability in (
        ModelCardOperations(store, contents),
        ModelCardExportOperations(store, objects, table, ground.engine),
        drafter := DraftOperations(table, ground.objects_of),
        StageOperations(store),
        CostOperations(store, table.decide, partial(_account_ids, ground.settings.account)),
    ):
        table.add(capability)
    workflow = ExportWorkflow(store, ground.objects_of, contents, _render)
    ground.engine.register(export_operations.WORKFLOW, workflow.run)
    return drafter


def _account_ids(orchestrator: str, snapshot: Snapshot) -> list[str]:
    return [account.spec["Id"] for account in list_accounts(snapshot, orchestrator)]


def _render(card: PrintedCard) -> bytes:
    """Print a card; the printer is loaded with the first one."""
    from modelyard.governance.cards.paper.document import render

    return render(card)
