"""Models: an image and an archive under a name."""

from __future__ import annotations

from collections.abc import Callable

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

RoleCheck = Callable[[Snapshot, str, str], object]
ImageCheck = Callable[[str], object]


class ModelOperations:
    """Create, describe, list and delete models.

    Args:
        require_role: raises ValidationError where a role does not exist in an account.
        require_image: raises ValueError, naming what is offered, where no image has the URI.
    """

    def __init__(
        self,
        store: Store,
        objects: ObjectStores,
        *,
        require_role: RoleCheck,
        require_image: ImageCheck,
    ) -> None:
        self._store = store
        self._objects = objects
        self._require_role = require_role
        self._require_image = require_image

    @operation("sagemaker", "CreateModel", on=named("model", "ModelName"))
    def create_model(self, context: Context, request: Request) -> Response:
        name = request["ModelName"]
        problems = self._problems(context, request)
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
                    tags=tags_of(request),
                )
            except AlreadyExists as error:
                raise ValidationError(f'Cannot create already existing model "{arn}".') from error
        return {"ModelArn": arn}

    @operation("sagemaker", "DescribeModel", on=named("model", "ModelName"))
    def describe_model(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            model = find_model(snapshot, context, request["ModelName"])
        return {
            "EnableNetworkIsolation": False,
            **model.spec,
            "ModelArn": model.arn,
            "CreationTime": model.created_at,
        }

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

    def _problems(self, context: Context, request: Request) -> list[str]:
        containers = [
            container
            for container in [request.get("PrimaryContainer"), *request.get("Containers", [])]
            if container is not None
        ]
        if len(containers) != 1:
            return [
                f"A model has exactly one container here, this one has {len(containers)}: give "
                "PrimaryContainer, or Containers with one entry (inference pipelines are not "
                "offered yet)"
            ]
        container = containers[0]
        problems = [
            f"{member} is not offered yet: leave it out"
            for member in ("MultiModelConfig", "ModelPackageName", "InferenceSpecificationName")
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
        return problems + self._archive_problems(context, container)

    def _archive_problems(self, context: Context, container: Request) -> list[str]:
        url = archive_url(container)
        if url is None:
            return [
                "PrimaryContainer.ModelDataUrl is missing: give the s3:// URI of a model.tar.gz"
            ]
        try:
            uri = S3Uri.parse(url)
        except ValueError as error:
            return [f"ModelDataUrl: {error}"]
        if not self._objects.of(context.account).exists(uri):
            return [f"Could not find model data at {url}: upload the archive first"]
        return []


def archive_url(container: Request) -> str | None:
    """Return the URI of a container's archive, None where it names none."""
    if container.get("ModelDataUrl"):
        return str(container["ModelDataUrl"])
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    if source.get("S3DataType") == "S3Object" and source.get("CompressionType") == "Gzip":
        return str(source["S3Uri"])
    return None


def container_of(model: Resource) -> Request:
    """Return the one container of a model."""
    spec = model.spec
    container: Request = spec.get("PrimaryContainer") or spec["Containers"][0]
    return container


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
