"""Jobs of every kind."""

from __future__ import annotations

from functools import partial

from modelyard.assembly.ground import Ground
from modelyard.compute.images import find_image, image_of
from modelyard.identity.roles import require_role
from modelyard.jobs.desk import JobDesk
from modelyard.jobs.workflow import JobWorkflow
from modelyard.jobs.workshop import Workshop
from modelyard.processing import task as processing_task
from modelyard.processing.operations import ProcessingOperations
from modelyard.training import task as training_task
from modelyard.training.operations import TrainingOperations


def add_training(ground: Ground, workshop: Workshop) -> TrainingOperations:
    workflow = JobWorkflow(workshop, training_task.KIND, training_task.TrainingTask)
    desk = _desk(ground, workflow, "training job")
    operations = TrainingOperations(
        desk,
        ground.objects,
        image_of=partial(image_of, purpose="train"),
        key_problem=ground.keys.problem,
    )
    ground.table.add(operations)
    return operations


def add_processing(ground: Ground, workshop: Workshop) -> None:
    workflow = JobWorkflow(workshop, processing_task.KIND, processing_task.ProcessingTask)
    desk = _desk(ground, workflow, "processing job")
    ground.table.add(
        ProcessingOperations(
            desk,
            ground.objects,
            image_of=find_image,
            key_problem=ground.keys.problem,
        )
    )


def _desk(ground: Ground, workflow: JobWorkflow, noun: str) -> JobDesk:
    ground.engine.register(workflow.kind.name, workflow.run)
    return JobDesk(
        ground.store,
        workflow.kind,
        noun=noun,
        require_role=require_role,
        begin=lambda transaction, arn: ground.engine.start(transaction, workflow.kind.name, arn),
        wake=workflow.wake,
        remove_files=workflow.forget,
    )
