"""What a capability needs of the engine: to have a workflow written down with its resource."""

from __future__ import annotations

from typing import Protocol

from modelyard.store.resources import Transaction


class WorkflowStarter(Protocol):
    """Starts workflows; `engine.Engine` is one."""

    def start(self, transaction: Transaction, workflow: str, argument: str) -> None:
        """Write down that `workflow` is to run for `argument`, an ARN, with the transaction."""
