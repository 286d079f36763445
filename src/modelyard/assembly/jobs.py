"""Jobs of every kind."""

from __future__ import annotations

from functools import partial

from modelyard.assembly.analyses import job_model, models_of
from modelyard.assembly.containers import Images
from modelyard.assembly.ground import Ground
from modelyard.hosting.model_lookup import find_model_whatever_case
from modelyard.identity.roles import require_role
from modelyard.jobs.desk import JobDesk
from modelyard.jobs.model import JobModel
from modelyard.jobs.places import Places
from modelyard.jobs.workflow import JobWorkflow
from modelyard.jobs.workshop import Workshop
from modelyard.operations.context import Context
from modelyard.processing import task as processing_task
from modelyard.processing.operations import ProcessingOperations
from modelyard.store.encryption.data_keys import DataKeys, NoKeys
from modelyard.store.resources import Resource, Store
from modelyard.training import task as training_task
from modelyard.training.operations import TrainingOperations
from modelyard.transform import task as transform_task
from modelyard.transform.operations import TransformOperations


def add_training(ground: Ground, workshop: Workshop, images: Images) -> TrainingOperations:
    workflow = JobWorkflow(workshop, training_task.KIND, training_task.TrainingTask)
    desk = _desk(ground, workflow, "training job", images.places)
    operations = TrainingOperations(
        desk,
        ground.objects,
        image_of=partial(images.catalogue.image_of, purpose="train"),
        key_problem=ground.keys.problem,
    )
    ground.table.add(operations)
    return operations


def add_processing(ground: Ground, workshop: Workshop, images: Images) -> ProcessingOperations:
    make_task = partial(processing_task.ProcessingTask, models=models_of(ground, images.catalogue))
    workflow = JobWorkflow(workshop, processing_task.KIND, make_task)
    desk = _desk(ground, workflow, "processing job", images.places)
    operations = ProcessingOperations(
        desk,
        ground.objects,
        image_of=images.catalogue.find,
        key_problem=ground.keys.problem,
    )
    ground.table.add(operations)
    return operations


def add_transform(ground: Ground, workshop: Workshop, images: Images) -> None:
    workflow = JobWorkflow(workshop, transform_task.KIND, transform_task.TransformTask)
    desk = _desk(ground, workflow, "transform job", images.places)
    ground.table.add(
        TransformOperations(
            desk,
            ground.objects,
            find_model=partial(transformed_by, ground.store),
            image_of=partial(images.catalogue.image_of, purpose="serve"),
            key_problem=ground.keys.problem,
        )
    )


def keys_of(ground: Ground, job: Resource) -> DataKeys:
    """Return the keys as a job's role may use them: its own, or its model's."""
    role = job.spec.get("RoleArn") or job.observed.get("role")
    # Without a role a job is nobody, and may use no key.
    return NoKeys() if role is None else ground.keys.of_role(job.scope, role, job.name)


def transformed_by(store: Store, context: Context, name: str) -> JobModel:
    """Return what a transform job needs of a model, whatever its name's case.

    Raises:
        ValidationError: there is none, or it has no archive.
    """
    with store.read() as snapshot:
        model = find_model_whatever_case(snapshot, context, name)
    return job_model(model)


def _desk(ground: Ground, workflow: JobWorkflow, noun: str, places: Places) -> JobDesk:
    ground.engine.register(workflow.kind.name, workflow.run)
    return JobDesk(
        ground.store,
        workflow.kind,
        noun=noun,
        require_role=require_role,
        begin=lambda transaction, arn: ground.engine.start(transaction, workflow.kind.name, arn),
        wake=workflow.wake,
        remove_files=workflow.forget,
        places=places,
    )
