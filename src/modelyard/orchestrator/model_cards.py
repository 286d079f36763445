"""The model-card operations of `POST /provisionpipeline`.

Each is authorised as an action of its own, and then calls the platform's operations on its
caller's behalf, which are authorised too.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from modelyard.arns import sagemaker_arn
from modelyard.governance.cards import content
from modelyard.governance.cards.drafting.draft import Draft, merged
from modelyard.governance.cards.drafting.reports import groups_of
from modelyard.governance.cards.drafting.sources import Named, Sources
from modelyard.operations.client import InProcessClient
from modelyard.operations.context import Context
from modelyard.operations.errors import OperationError
from modelyard.operations.table import OperationTable
from modelyard.orchestrator.card_requests import CardRequest, card_type_of
from modelyard.orchestrator.errors import BadRequest
from modelyard.store.objects import Objects

_EXPORTS = "model_card_exports"  # the folder in the assets bucket
_POLL_SECONDS = 0.05
_MAX_EXPORT_SECONDS = 50.0  # a client waits a minute for an answer

_ACTIONS: Mapping[str, str] = {
    "create_model_card": "modelyard:CreateModelCard",
    "update_model_card": "modelyard:UpdateModelCard",
    "describe_model_card": "modelyard:DescribeModelCard",
    "delete_model_card": "modelyard:DeleteModelCard",
    "export_model_card": "modelyard:ExportModelCard",
    "list_model_cards": "modelyard:ListModelCards",
}

Body = Mapping[str, Any]


class Drafter(Protocol):
    """Fills cards in; `DraftOperations` does."""

    def draft(self, context: Context, named: Named, begun: content.Document) -> Draft:
        """Return what the platform knows beside what is written."""


class ModelCards:
    """What the API's door calls for cards. Blocking.

    Args:
        assets_bucket: the name of an account's.
    """

    def __init__(
        self,
        table: OperationTable,
        objects_of: Callable[[Context], Objects],
        drafter: Drafter,
        assets_bucket: Callable[[str], str],
    ) -> None:
        self._table = table
        self._objects_of = objects_of
        self._drafter = drafter
        self._assets_bucket = assets_bucket

    def answer(self, context: Context, body: Body) -> str | None:
        """Return the answer's text, or None where the body asks for no card.

        Raises:
            AccessDenied: the caller may not.
            BadRequest: with all problems; nothing was changed.
            ClientError: as the platform's operation answers.
        """
        kind = card_type_of(body)
        if kind is None:
            return None
        operations: Mapping[str, Callable[[Context, Body], Any]] = {
            "create_model_card": self._create,
            "update_model_card": self._update,
            "describe_model_card": self._describe,
            "delete_model_card": self._delete,
            "export_model_card": self._export,
            "list_model_cards": self._list,
        }
        with self._table.guard(context, _ACTIONS[kind], _target(context, body), body):
            said = operations[kind](context, body)
        return json.dumps({"message": said}, indent=4, default=_plain)

    def _create(self, context: Context, body: Body) -> Any:
        request = CardRequest.read(body)
        text = self._filled(context, request, {})
        client = self._client(context)
        client.create_model_card(
            ModelCardName=request.name, Content=text, ModelCardStatus=request.status or "Draft"
        )
        return client.describe_model_card(ModelCardName=request.name)

    def _update(self, context: Context, body: Body) -> Any:
        request = CardRequest.read(body)
        client = self._client(context)
        if request.problems:
            raise _refused(request.problems)
        card = client.describe_model_card(ModelCardName=request.name)
        if request.content:
            text = self._filled(context, request, json.loads(card["Content"]))
            client.update_model_card(ModelCardName=request.name, Content=text)
        # Last, so that an approval is of what comes with it.
        if request.status is not None:
            client.update_model_card(ModelCardName=request.name, ModelCardStatus=request.status)
        return client.describe_model_card(ModelCardName=request.name)

    def _describe(self, context: Context, body: Body) -> Any:
        name, version = _name_and_version(body, "version")
        return self._client(context).describe_model_card(ModelCardName=name, **version)

    def _delete(self, context: Context, body: Body) -> str:
        name, _ = _name_and_version({"name": body.get("name")}, "version")
        self._client(context).delete_model_card(ModelCardName=name)
        return f"Model card with the name: {name} has been deleted"

    def _list(self, context: Context, body: Body) -> Any:
        token = {"NextToken": body["next_token"]} if body.get("next_token") else {}
        return self._client(context).list_model_cards(MaxResults=100, **token)

    def _export(self, context: Context, body: Body) -> str:
        name, version = _name_and_version(body, "model_card_version")
        path = f"s3://{self._assets_bucket(context.account)}/{_EXPORTS}"
        client = self._client(context)
        made = client.create_model_card_export_job(
            ModelCardName=name,
            ModelCardExportJobName=body.get("export_job_name") or f"export-{uuid.uuid4().hex[:12]}",
            OutputConfig={"S3OutputPath": path},
            **version,
        )
        deadline = time.monotonic() + _MAX_EXPORT_SECONDS
        while time.monotonic() < deadline:
            job = client.describe_model_card_export_job(**made)
            if job["Status"] == "Completed":
                return f"Model card with the name: {name} has been exported to {path}"
            if job["Status"] == "Failed":
                raise BadRequest([f"Model card {name} was not exported: {job['FailureReason']}"])
            time.sleep(_POLL_SECONDS)
        raise BadRequest(
            [f"Model card {name} is still being exported by {made['ModelCardExportJobArn']}"]
        )

    def _filled(self, context: Context, request: CardRequest, before: content.Document) -> str:
        """Return the content to store: what was there, what the body says, what is discovered.

        A section that the body has replaces the one that was there.

        Raises:
            BadRequest: with all problems.
        """
        problems = list(request.problems)
        begun = {**before, **request.content}
        begun = self._with_reports(context, request, begun, problems)
        for named in self._named(context, request):
            try:
                # What is wrong in itself is told once, below, and not as the draft's.
                is_sound = not content.problems_of(content.written(begun))
                made = self._drafter.draft(context, named, begun if is_sound else {})
                begun = dict(made.content) if is_sound else begun
            except OperationError as error:
                problems.append(error.message)
        problems += content.problems_of(content.written(begun))
        if problems:
            raise _refused(list(dict.fromkeys(problems)))
        return content.written(begun)

    def _named(self, context: Context, request: CardRequest) -> list[Named]:
        """Return what the content is to be discovered from."""
        found = []
        overview = request.content.get("model_overview", {})
        model = overview.get("model_name")
        if isinstance(model, str) and self._is_model(context, model):
            found.append(Named(model=model))
        if request.training_job is not None:
            found.append(Named(training_job=request.training_job))
        elif request.training_model is not None:
            of_registry = ":model-package/" in request.training_model
            found.append(
                Named(package=request.training_model)
                if of_registry
                else Named(model=request.training_model)
            )
        return found

    def _is_model(self, context: Context, name: str) -> bool:
        """Return whether a model has that name: a card may also be about one from elsewhere."""
        try:
            self._table.call(context, "sagemaker", "DescribeModel", {"ModelName": name})
        except OperationError:
            return False
        return True

    def _with_reports(
        self,
        context: Context,
        request: CardRequest,
        begun: content.Document,
        problems: list[str],
    ) -> dict[str, Any]:
        jobs = list(begun.get("evaluation_details", []))
        for report in request.reports:
            place = f"evaluation_details[{report.evaluation}].metric_file_s3_url"
            try:
                groups = groups_of(
                    Sources(context, self._table, self._objects_of).report(report.uri)
                )
            except ValueError as error:
                problems.append(f"{place} {report.uri!r} cannot be read: {error}")
                continue
            job = jobs[report.evaluation]
            jobs[report.evaluation] = {
                **job,
                "metric_groups": [*job.get("metric_groups", []), *groups],
            }
        return merged({}, {**begun, "evaluation_details": jobs} if jobs else begun)

    def _client(self, context: Context) -> InProcessClient:
        return InProcessClient(self._table, context, "sagemaker")


def _name_and_version(body: Body, key: str) -> tuple[str, dict[str, int]]:
    request = CardRequest.read({"name": body.get("name")})
    version = body.get(key)
    if isinstance(version, str) and version.isdecimal():
        version = int(version)
    if version is not None and (not isinstance(version, int) or isinstance(version, bool)):
        request.problems.append(f"{key} is {version!r}: it must be a whole number")
    if request.problems:
        raise _refused(request.problems)
    return request.name, {} if version is None else {"ModelCardVersion": version}


def _refused(problems: list[str]) -> BadRequest:
    first, *others = problems
    worded = first if first.startswith("Bad request") else f"Bad request. {first}"
    return BadRequest([worded, *others])


def _target(context: Context, body: Body) -> str:
    name = body.get("name")
    return sagemaker_arn(
        account=context.account,
        region=context.region,
        kind="model-card",
        name=name if isinstance(name, str) and name else "*",
    )


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
