"""Autopilot: jobs that have one training job made, and tell what it finds."""

from __future__ import annotations

from modelyard.assembly.ground import Ground
from modelyard.assembly.tuning import TrainingDesk
from modelyard.autopilot.kind import KIND
from modelyard.autopilot.operations import AutopilotOperations
from modelyard.autopilot.rooms import Rooms
from modelyard.autopilot.workflow import AutopilotWorkflow
from modelyard.identity.roles import require_role
from modelyard.jobs.desk import JobDesk
from modelyard.jobs.places import Places
from modelyard.store.origins import following
from modelyard.training import task as training_task
from modelyard.training.operations import TrainingOperations


def add_autopilot(ground: Ground, training: TrainingOperations, places: Places) -> None:
    desk = TrainingDesk(ground, training)
    workflow = AutopilotWorkflow(Rooms(store=ground.store, training=desk, logs=ground.logs))
    ground.engine.register(KIND.name, following(ground.store, workflow.run))
    # What happens to a training job may be what an Autopilot job waits for.
    ground.store.on_event(workflow.wake_all, kinds={KIND.name, training_task.KIND.name})
    ground.table.add(
        AutopilotOperations(
            JobDesk(
                ground.store,
                KIND,
                noun="AutoML job",
                require_role=require_role,
                begin=lambda transaction, arn: ground.engine.start(transaction, KIND.name, arn),
                wake=workflow.wake,
                remove_files=lambda _job: None,
                places=places,
            ),
            desk,
        )
    )
