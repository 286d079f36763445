"""Models: an image and an archive under a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from modelyard.arns import sagemaker_arn
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.operations.listing import listing_of
from modelyard.operations.requests import scope_of, spec_of, tags_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import every, named
from modelyard.store.errors import AlreadyExists
from modelyard.store.objects import ObjectStores, S3Uri
from modelyard.store.resources import Resource, Snapshot, Store

KIND = "model"
_ARCHIVE = ("ModelDataUrl", "ModelDataSource")

RoleCheck = Callable[[Snapshot, str, str], object]


class Deployable(Protocol):
    """A registered package that may be deployed, as hosting sees it."""

    @property
    def arn(self) -> str: ...

    @property
    def container(self) -> Mapping[str, Any]:
        """`Image`, `ModelDataUrl`, `Environment`."""

    @property
    def account(self) -> str:
        """In whose bucket the archive lies."""

    @property
    def sha256(self) -> str:
        """Of the archive that was registered."""


class PackageResolver(Protocol):
    """Finds a registered package, and refuses one that may not be deployed."""

    def __call__(
        self,
        context: Context,
        package: str,
        specification: str | None = None,
        role: str | None = None,
        /,
    ) -> Deployable:
        """Return what the package deploys as.

        Args:
            role: the ARN of the model's role, with whose keys its archive is read.

        Raises:
            OperationError: it is not there, not approved, or not as it was registered; or the role
                may not read it.
        """


ImageCheck = Callable[[str], object]


class ModelOperations:
    """Create, describe, list and delete models.

    Args:
        require_role: raises ValidationError where a role does not exist in an account.
        require_image: raises ValueError, naming what is offered, where no image has the URI.
        resolve_package: what a container's `ModelPackageName` stands for; None: not offered.
    """

    def __init__(
        self,
        store: Store,
        objects: ObjectStores,
        *,
        require_role: RoleCheck,
        require_image: ImageCheck,
        resolve_package: PackageResolver | None = None,
    ) -> None:
        self._store = store
        self._objects = objects
        self._require_role = require_role
        self._require_image = require_image
        self._resolve_package = resolve_package

    @operation("sagemaker", "CreateModel", on=named("model", "ModelName"))
    def create_model(self, context: Context, request: Request) -> Response:
        name = request["ModelName"]
        package = self._package(context, request)
        problems = self._problems(context, request, package)
        if problems:
            raise ValidationError.of(problems)
        arn = sagemaker_arn(account=context.account, region=context.region, kind=KIND, name=name)
        with self._store.write() as transaction:
            if "ExecutionRoleArn" in request:
                self._require_role(transaction, context.account, request["ExecutionRoleArn"])
            try:
                transaction.create(
                    scope_of(context),
                    KIND,
                    name,
                    arn=arn,
                    spec=spec_of(request),
                    status="Created",
                    observed={} if package is None else _kept(request, package),
                    tags=tags_of(request),
                )
            except AlreadyExists as error:
                raise ValidationError(f'Cannot create already existing model "{arn}".') from error
        return {"ModelArn": arn}

    @operation("sagemaker", "DescribeModel", on=named("model", "ModelName"))
    def describe_model(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            model = find_model(snapshot, context, request["ModelName"])
        return description_of(model)

    @operation("sagemaker", "ListModels", on=every("model"))
    def list_models(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            page = snapshot.list(scope_of(context), KIND, listing_of(request))
        return {
            "Models": [
                {"ModelName": model.name, "ModelArn": model.arn, "CreationTime": model.created_at}
                for model in page.items
            ],
            "NextToken": page.token,
        }

    @operation("sagemaker", "DeleteModel", on=named("model", "ModelName"))
    def delete_model(self, context: Context, request: Request) -> Response:
        with self._store.write() as transaction:
            transaction.delete(find_model(transaction, context, request["ModelName"]))
        return {}

    def _package(self, context: Context, request: Request) -> Deployable | None:
        """Return the registered package that a model is made from, None if it is from none."""
        containers = _containers(request)
        name = containers[0].get("ModelPackageName") if len(containers) == 1 else None
        if name is None or self._resolve_package is None:
            return None
        given = [member for member in ("Image", *_ARCHIVE) if containers[0].get(member)]
        if given:
            raise ValidationError(
                f"Give either ModelPackageName or {' and '.join(given)}: a package has both"
            )
        role = request.get("ExecutionRoleArn")
        if role is not None:
            with self._store.read() as snapshot:  # ahead of using keys in its name
                self._require_role(snapshot, context.account, role)
        specification = containers[0].get("InferenceSpecificationName")
        return self._resolve_package(context, name, specification, role)

    def _problems(
        self, context: Context, request: Request, package: Deployable | None
    ) -> list[str]:
        containers = _containers(request)
        if len(containers) != 1:
            return [
                f"A model has exactly one container here, this one has {len(containers)}: give "
                "PrimaryContainer, or Containers with one entry (inference pipelines are not "
                "offered yet)"
            ]
        container = {**containers[0], **({} if package is None else package.container)}
        not_offered = ["MultiModelConfig"]
        if package is None:
            not_offered += ["ModelPackageName", "InferenceSpecificationName"]
        problems = [
            f"{member} is not offered yet: leave it out"
            for member in not_offered
            if container.get(member)
        ]
        if container.get("Mode", "SingleModel") != "SingleModel":
            problems.append("Mode MultiModel is not offered yet: use SingleModel")
        image = container.get("Image")
        if image is None:
            problems.append("PrimaryContainer.Image is missing: give the URI of an image")
        else:
            try:
                self._require_image(image)
            except ValueError as error:
                problems.append(str(error))
        account = context.account if package is None else package.account
        return problems + self._archive_problems(account, container)

    def _archive_problems(self, account: str, container: Request) -> list[str]:
        url = archive_url(container)
        if url is None:
            return [
                "PrimaryContainer.ModelDataUrl is missing: give the s3:// URI of a model.tar.gz"
            ]
        try:
            uri = S3Uri.parse(url)
        except ValueError as error:
            return [f"ModelDataUrl: {error}"]
        if not self._objects.of(account).exists(uri):
            return [f"Could not find model data at {url}: upload the archive first"]
        return []


def description_of(model: Resource) -> Response:
    """Return what DescribeModel answers."""
    return {
        "EnableNetworkIsolation": False,
        **model.spec,
        "ModelArn": model.arn,
        "CreationTime": model.created_at,
    }


def _containers(request: Request) -> list[Request]:
    return [
        container
        for container in [request.get("PrimaryContainer"), *request.get("Containers", [])]
        if container is not None
    ]


def _kept(request: Request, package: Deployable) -> dict[str, Any]:
    """Return what a model keeps of its package; its own environment comes on top of that one's."""
    given = _containers(request)[0].get("Environment", {})
    environment = {**package.container.get("Environment", {}), **given}
    return {
        "package": {
            "arn": package.arn,
            "container": {**package.container, "Environment": environment},
            "artifact": {"account": package.account, "sha256": package.sha256},
        }
    }


def archive_url(container: Request) -> str | None:
    """Return the URI of a container's archive, None where it names none."""
    if container.get("ModelDataUrl"):
        return str(container["ModelDataUrl"])
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    if source.get("S3DataType") == "S3Object" and source.get("CompressionType") == "Gzip":
        return str(source["S3Uri"])
    return None


def container_of(model: Resource) -> Request:
    """Return the one container of a model; one made from a package has that package's."""
    spec = model.spec
    package = model.observed.get("package")
    if package is not None:
        resolved: Request = package["container"]
        return resolved
    container: Request = spec.get("PrimaryContainer") or spec["Containers"][0]
    return container


def artifact_of(model: Resource) -> Mapping[str, str] | None:
    """Return whose bucket a registered archive lies in and its SHA-256; None of another model."""
    package = model.observed.get("package")
    return None if package is None else package["artifact"]


def find_model(snapshot: Snapshot, context: Context, name: str) -> Resource:
    """Return a model of the caller's account and region.

    Raises:
        ValidationError: there is none; clients' waiters expect this code and wording.
    """
    model = snapshot.find(scope_of(context), KIND, name)
    if model is None:
        arn = sagemaker_arn(account=context.account, region=context.region, kind=KIND, name=name)
        raise ValidationError(f'Could not find model "{arn}".')
    return model
