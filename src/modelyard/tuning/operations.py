"""What can be asked of tuning jobs."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable

from modelyard.compute.images import Image
from modelyard.jobs.creator import caller_of
from modelyard.jobs.desk import JobDesk
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.operations.requests import scope_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import every, named
from modelyard.store.resources import Snapshot, Store
from modelyard.tuning.checks import problems_of
from modelyard.tuning.description import describe, summary
from modelyard.tuning.kind import KIND
from modelyard.tuning.listing import page_of
from modelyard.tuning.spec import TuningSpec, given_definitions
from modelyard.tuning.summaries import summary_of
from modelyard.tuning.trial import ENDED
from modelyard.tuning.trial_jobs import TrainingDesk, TrialJobs
from modelyard.tuning.warm_start import parent_problems

_JOB = named("hyper-parameter-tuning-job", "HyperParameterTuningJobName")
_SEEDS = 2**31


class TuningOperations:
    """Create, describe, list, stop and delete tuning jobs, and list their training jobs.

    Args:
        require_role: raises ValidationError where an account has no such role.
        image_of: returns the image of a URI; raises ValueError, naming what is offered.
    """

    def __init__(
        self,
        desk: JobDesk,
        store: Store,
        trials: TrialJobs,
        training: TrainingDesk,
        *,
        require_role: Callable[[Snapshot, str, str], object],
        image_of: Callable[[str], Image],
    ) -> None:
        self._desk = desk
        self._store = store
        self._trials = trials
        self._training = training
        self._require_role = require_role
        self._image_of = image_of

    @operation("sagemaker", "CreateHyperParameterTuningJob", on=_JOB)
    def create_tuning_job(self, context: Context, request: Request) -> Response:
        problems = problems_of(
            request,
            image_of=self._image_of,
            training_problems=lambda example: self._training.problems(context, example),
        )
        problems = problems or self._parent_problems(context, request)
        if problems:
            raise ValidationError.of(problems)
        self._require_roles(context, request)
        seed = request["HyperParameterTuningJobConfig"].get("RandomSeed")
        arn = self._desk.create(
            context,
            request["HyperParameterTuningJobName"],
            request,
            observed={
                "study": uuid.uuid4().hex,
                "seed": secrets.randbelow(_SEEDS) if seed is None else seed,
                "caller": caller_of(context),
            },
        )
        return {"HyperParameterTuningJobArn": arn}

    @operation("sagemaker", "DescribeHyperParameterTuningJob", on=_JOB)
    def describe_tuning_job(self, context: Context, request: Request) -> Response:
        job = self._desk.get(context, request["HyperParameterTuningJobName"])
        return describe(job, self._image_of)

    @operation("sagemaker", "ListHyperParameterTuningJobs", on=every("hyper-parameter-tuning-job"))
    def list_tuning_jobs(self, context: Context, request: Request) -> Response:
        page = self._desk.list(context, request)
        response: Response = {
            "HyperParameterTuningJobSummaries": [summary(job) for job in page.items]
        }
        if page.token is not None:
            response["NextToken"] = page.token
        return response

    @operation("sagemaker", "ListTrainingJobsForHyperParameterTuningJob", on=_JOB)
    def list_trials(self, context: Context, request: Request) -> Response:
        job = self._desk.get(context, request["HyperParameterTuningJobName"])
        spec = TuningSpec.of(job.spec)
        trials, token = page_of(self._trials.of(job), request)
        response: Response = {"TrainingJobSummaries": [summary_of(trial, spec) for trial in trials]}
        if token is not None:
            response["NextToken"] = token
        return response

    @operation("sagemaker", "StopHyperParameterTuningJob", on=_JOB)
    def stop_tuning_job(self, context: Context, request: Request) -> Response:
        self._desk.stop(context, request["HyperParameterTuningJobName"])
        return {}

    @operation("sagemaker", "DeleteHyperParameterTuningJob", on=_JOB)
    def delete_tuning_job(self, context: Context, request: Request) -> Response:
        self._desk.delete(context, request["HyperParameterTuningJobName"])
        return {}

    def _require_roles(self, context: Context, request: Request) -> None:
        with self._store.read() as snapshot:
            for definition in given_definitions(request):
                self._require_role(snapshot, context.account, definition["RoleArn"])

    def _parent_problems(self, context: Context, request: Request) -> list[str]:
        spec = TuningSpec.of(request)
        found: list[str] = []
        for name in spec.warm_start.parents if spec.warm_start is not None else ():
            with self._store.read() as snapshot:
                parent = snapshot.find(scope_of(context), KIND.name, name)
            if parent is None:
                found.append(f"there is no tuning job {name!r} that could be a parent")
            elif parent.status not in ENDED:
                found.append(
                    f"the parent {name!r} is {parent.status}: wait until it has ended, or stop it"
                )
            else:
                found += parent_problems(spec, TuningSpec.of(parent.spec))
        return found
