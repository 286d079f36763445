"""What is asked of jobs of every kind the same way: make one, find it, stop it, delete it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from modelyard import clock
from modelyard.arns import sagemaker_arn
from modelyard.compute.choice import ComputeChoiceError
from modelyard.compute.images import Image
from modelyard.jobs.places import Places
from modelyard.jobs.progress import TERMINAL, Wording, entry, transition
from modelyard.operations.context import Context
from modelyard.operations.errors import ResourceInUse, ResourceNotFound, ValidationError
from modelyard.operations.listing import listing_of
from modelyard.operations.requests import scope_of, spec_of, tags_of
from modelyard.operations.table import Request
from modelyard.store.errors import AlreadyExists
from modelyard.store.listing import Page
from modelyard.store.resources import Json, Resource, Snapshot, Store, Transaction


class JobKind(Protocol):
    """What jobs are called; `task.Kind` is one."""

    @property
    def name(self) -> str:
        """Of the resource and the workflow: "training-job"."""

    @property
    def wording(self) -> Wording:
        """What the transition to each secondary status says."""


class JobDesk:
    """The jobs of one kind.

    Args:
        noun: "training job".
        require_role: raises ValidationError where an account has no such role.
        begin: starts the workflow of a job, given its ARN, within the transaction.
        wake: has a running workflow look at its job's row.
        remove_files: removes what is left of an ended job's files.
        places: decides where jobs run; None: in the sandbox, or a container image's container.
    """

    def __init__(
        self,
        store: Store,
        kind: JobKind,
        *,
        noun: str,
        require_role: Callable[[Snapshot, str, str], object],
        begin: Callable[[Transaction, str], None],
        wake: Callable[[str], None],
        remove_files: Callable[[Resource], None],
        places: Places | None = None,
    ) -> None:
        self._store = store
        self._kind = kind
        self._noun = noun
        self._require_role = require_role
        self._begin = begin
        self._wake = wake
        self._remove_files = remove_files
        self._places = places or Places()

    def create(
        self,
        context: Context,
        name: str,
        request: Request,
        *,
        image: Image | None = None,
        whole: bool = True,
        observed: Json | None = None,
    ) -> str:
        """Make a job of a checked request and start it; return its ARN.

        Args:
            image: what it runs; None: others, which it has made.
            whole: see `Places.place`.
            observed: more for the observed state, beside what every job has there.

        Raises:
            ResourceInUse: there is a job of that name.
            ValidationError: there is no such role, or it cannot run where it asks to.
        """
        tags = tags_of(request)
        placed = self._placed(context.account, tags, image, whole=whole)
        kind = self._kind
        arn = sagemaker_arn(
            account=context.account, region=context.region, kind=kind.name, name=name
        )
        first = entry("Starting", clock.to_micros(clock.now()), kind.wording)
        with self._store.write() as transaction:
            if "RoleArn" in request:
                self._require_role(transaction, context.account, request["RoleArn"])
            try:
                transaction.create(
                    scope_of(context),
                    kind.name,
                    name,
                    arn=arn,
                    spec=spec_of(request),
                    status="InProgress",
                    observed={
                        **(observed or {}),
                        **placed,
                        "created_by": context.principal.person,
                        "secondary": "Starting",
                        "transitions": [first],
                    },
                    tags=tags,
                )
            except AlreadyExists as error:
                raise ResourceInUse(
                    f"{self._noun.capitalize()} names must be unique within an AWS account and "
                    f"region, and a {self._noun} with this name already exists ({arn})"
                ) from error
            self._begin(transaction, arn)
        return arn

    def get(self, context: Context, name: str) -> Resource:
        """Return a job of the caller's account and region.

        Raises:
            ResourceNotFound: there is none of that name.
        """
        with self._store.read() as snapshot:
            return self._find(snapshot, context, name)

    def list(
        self, context: Context, request: Request, *, descending: bool = False
    ) -> Page[Resource]:
        """Return the page of jobs that a List request asks for.

        Args:
            descending: the order if the request names none, in which the API's kinds of job differ.
        """
        with self._store.read() as snapshot:
            listing = listing_of(request, descending=descending)
            return snapshot.list(scope_of(context), self._kind.name, listing)

    def stop(self, context: Context, name: str) -> None:
        """Have a job stop.

        Raises:
            ResourceNotFound: there is none of that name.
            ValidationError: it has ended.
        """
        with self._store.write() as transaction:
            job = self._find(transaction, context, name)
            if job.status in TERMINAL:
                raise ValidationError(
                    f"The request was rejected because the {self._noun} is in status {job.status}"
                )
            if job.status != "Stopping":
                stopping = transition(job, "Stopping", self._kind.wording)
                transaction.update(job, status="Stopping", observed=stopping)
        self._wake(job.arn)

    def delete(self, context: Context, name: str) -> None:
        """Delete a job that has ended, and what is left of its files.

        Raises:
            ResourceNotFound: there is none of that name.
            ResourceInUse: it has not ended.
        """
        with self._store.write() as transaction:
            job = self._find(transaction, context, name)
            if job.status not in TERMINAL:
                raise ResourceInUse(
                    f"The {self._noun} is in status {job.status}: stop it, and delete it when it "
                    "has ended"
                )
            transaction.delete(job)
        self._remove_files(job)

    def _placed(
        self, account: str, tags: Mapping[str, str], image: Image | None, *, whole: bool
    ) -> Json:
        try:
            if image is not None:
                return self._places.place(account, tags, image, whole=whole)
            self._places.check(account, tags)
        except ComputeChoiceError as error:
            raise ValidationError(str(error)) from error
        return {}

    def _find(self, snapshot: Snapshot, context: Context, name: str) -> Resource:
        job = snapshot.find(scope_of(context), self._kind.name, name)
        if job is None:
            raise ResourceNotFound("Requested resource not found.")
        return job
