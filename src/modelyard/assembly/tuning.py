"""Tuning: training jobs that are made by another job."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from modelyard.assembly.containers import Images
from modelyard.assembly.ground import Ground
from modelyard.identity.roles import require_role
from modelyard.jobs.desk import JobDesk
from modelyard.jobs.metric_series import MetricSeries
from modelyard.operations.context import Context
from modelyard.store.origins import following
from modelyard.store.resources import Json
from modelyard.training import task as training_task
from modelyard.training.operations import TrainingOperations
from modelyard.tuning.kind import KIND
from modelyard.tuning.operations import TuningOperations
from modelyard.tuning.rooms import Rooms
from modelyard.tuning.trial_jobs import TrialJobs
from modelyard.tuning.workflow import TuningWorkflow

_CREATE = "CreateTrainingJob"


class TrainingDesk:
    """Training as tuning asks for it: as at any door, on behalf of whoever created the tuning job.

    Stopping is not asked of the policies: what was begun for a tuning job ends with it, also where
    its creator may not do anything any more.
    """

    def __init__(self, ground: Ground, training: TrainingOperations) -> None:
        self._ground = ground
        self._training = training

    def create(self, context: Context, request: Mapping[str, Any], observed: Json) -> None:
        with self._ground.table.guarded(context, "sagemaker", _CREATE, request):
            self._ground.schema.validate("sagemaker", _CREATE, request)
            valid = self._ground.schema.convert("sagemaker", _CREATE, request)
            self._training.create(context, valid, observed=observed)

    def stop(self, context: Context, name: str) -> None:
        self._training.stop_training_job(context, {"TrainingJobName": name})

    def problems(self, context: Context, request: Mapping[str, Any]) -> list[str]:
        return self._training.problems(context, request)


def add_tuning(
    ground: Ground, training: TrainingOperations, series: MetricSeries, images: Images
) -> None:
    desk = TrainingDesk(ground, training)
    trials = TrialJobs(ground.store, series, ground.logs)
    train = partial(images.catalogue.image_of, purpose="train")
    workflow = TuningWorkflow(
        Rooms(store=ground.store, trials=trials, training=desk, image_of=train)
    )
    ground.engine.register(KIND.name, following(ground.store, workflow.run))
    # What happens to a training job may be what a tuning job waits for.
    ground.store.on_event(workflow.wake_all, kinds={KIND.name, training_task.KIND.name})
    ground.table.add(
        TuningOperations(
            JobDesk(
                ground.store,
                KIND,
                noun="tuning job",
                require_role=require_role,
                begin=lambda transaction, arn: ground.engine.start(transaction, KIND.name, arn),
                wake=workflow.wake,
                remove_files=lambda _job: None,
                places=images.places,
            ),
            ground.store,
            trials,
            desk,
            require_role=require_role,
            image_of=train,
        )
    )
