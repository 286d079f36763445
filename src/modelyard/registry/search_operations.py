"""Search: resources of any kind that is indexed, by any of their fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.arns import sagemaker_arn
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.operations.requests import scope_of
from modelyard.operations.table import Request, Response, operation
from modelyard.store.errors import BadPageToken
from modelyard.store.resources import Json, Resource, Store
from modelyard.store.search import (
    AllOf,
    AnyOf,
    Condition,
    Criterion,
    Nested,
    Operator,
    Search,
)
from modelyard.store.search_pages import search

DEFAULT_PAGE_SIZE = 10
MAX_DEPTH = 10  # of SubExpressions in SubExpressions

_OPERATORS: dict[str, Operator] = {
    "Equals": "eq",
    "NotEquals": "ne",
    "GreaterThan": "gt",
    "GreaterThanOrEqualTo": "ge",
    "LessThan": "lt",
    "LessThanOrEqualTo": "le",
    "Contains": "contains",
    "Exists": "exists",
    "NotExists": "missing",
    "In": "in",
}
_VALUELESS = ("Exists", "NotExists")
#: Fields that are kept for ourselves; nothing is told by finding by them.
_OWN_FIELDS = ("ClientToken", "Artifacts")


@dataclass(frozen=True, kw_only=True)
class Searchable:
    """One of the API's resource types.

    Args:
        kind: the store's word for it.
        project: the fields that it is found by; see `store.search_index`.
        show: what a result shows of it, beside its tags.
    """

    kind: str
    project: Callable[[Resource], Json]
    show: Callable[[Resource], Mapping[str, Any]]


class SearchOperations:
    """Search and what it needs.

    Args:
        types: by the API's name of the resource type.
    """

    def __init__(self, store: Store, types: Mapping[str, Searchable]) -> None:
        self._store = store
        self._types = types
        for each in types.values():
            store.make_searchable(each.kind, each.project)

    @operation("sagemaker", "Search", on=lambda context, request: _target(context, request))
    def search(self, context: Context, request: Request) -> Response:
        wanted = request["Resource"]
        if wanted not in self._types:
            raise ValidationError(
                f"Resource {wanted!r} cannot be searched here yet: use one of "
                f"{', '.join(sorted(self._types))}"
            )
        if request.get("CrossAccountFilterOption") == "CrossAccount":
            raise ValidationError(
                "CrossAccountFilterOption CrossAccount is not offered for Search: "
                "ListModelPackageGroups offers it, and ListModelPackages takes a group's ARN"
            )
        found = self._types[wanted]
        asked = Search(
            condition=_condition(request),
            sort_by=request.get("SortBy"),
            descending=request.get("SortOrder", "Descending") == "Descending",
            limit=request.get("MaxResults", DEFAULT_PAGE_SIZE),
            token=request.get("NextToken"),
        )
        with self._store.read() as snapshot:
            try:
                page = search(snapshot, scope_of(context), found.kind, asked)
            except BadPageToken as error:
                raise ValidationError(str(error)) from error
            tags = snapshot.tags_of(page.items)
        results = [{wanted: _shown(found, each, tags.get(each.id, {}))} for each in page.items]
        return {"Results": results, "NextToken": page.token}


def _target(context: Context, request: Mapping[str, Any]) -> str:
    """All resources of the type that is searched: `TrainingJob` is about `training-job/*`."""
    wanted = request.get("Resource")
    name = wanted if isinstance(wanted, str) and wanted.isalpha() else ""
    kind = "".join(f"-{one.lower()}" if one.isupper() else one for one in name).lstrip("-")
    scope = scope_of(context)
    if not kind:
        return f"arn:aws:sagemaker:{scope.region}:{scope.account}:*"
    return sagemaker_arn(account=scope.account, region=scope.region, kind=kind, name="*")


def _shown(found: Searchable, resource: Resource, tags: Mapping[str, str]) -> dict[str, Any]:
    shown = {key: value for key, value in found.show(resource).items() if key not in _OWN_FIELDS}
    if tags:
        shown["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    return shown


def _condition(request: Request) -> Condition:
    problems: list[str] = []
    found: list[Condition] = []
    if "SearchExpression" in request:
        found.append(_expression(request["SearchExpression"], "searchExpression", problems, 0))
    for number, each in enumerate(request.get("VisibilityConditions", []), start=1):
        if "Key" not in each or "Value" not in each:
            problems.append(f"visibilityConditions.{number}: give Key and Value")
            continue
        found.append(Criterion(path=each["Key"], operator="eq", values=(each["Value"],)))
    if problems:
        raise ValidationError.of(problems)
    return AllOf(conditions=tuple(found))


def _expression(
    expression: Mapping[str, Any], where: str, problems: list[str], depth: int
) -> Condition:
    if depth > MAX_DEPTH:
        problems.append(f"{where} is nested more than {MAX_DEPTH} levels deep")
        return AllOf()
    found: list[Condition] = []
    for number, each in enumerate(expression.get("Filters", []), start=1):
        criterion = _filter(each, f"{where}.filters.{number}", problems)
        if criterion is not None:
            found.append(criterion)
    for number, each in enumerate(expression.get("NestedFilters", []), start=1):
        nested = _nested(each, f"{where}.nestedFilters.{number}", problems)
        if nested is not None:
            found.append(nested)
    for number, each in enumerate(expression.get("SubExpressions", []), start=1):
        found.append(_expression(each, f"{where}.subExpressions.{number}", problems, depth + 1))
    if not found and not problems:
        problems.append(f"{where}: give Filters, NestedFilters or SubExpressions")
    together = tuple(found)
    if expression.get("Operator", "And") == "Or":
        return AnyOf(conditions=together)
    return AllOf(conditions=together)


def _filter(given: Mapping[str, Any], where: str, problems: list[str]) -> Criterion | None:
    value = given.get("Value")
    # As the service does: a filter without an operator asks for equality, or for the field.
    name = given.get("Operator", "Exists" if value is None else "Equals")
    if name in _VALUELESS:
        if value is not None:
            problems.append(f"{where}.value: {name} takes no Value: leave it out")
            return None
        return Criterion(path=given["Name"], operator=_OPERATORS[name])
    if value is None:
        problems.append(f"{where}.value: {name} needs a Value")
        return None
    values = tuple(one.strip() for one in value.split(",")) if name == "In" else (value,)
    return Criterion(path=given["Name"], operator=_OPERATORS[name], values=values)


def _nested(given: Mapping[str, Any], where: str, problems: list[str]) -> Nested | None:
    path = given["NestedPropertyName"]
    criteria: list[Criterion] = []
    for number, each in enumerate(given["Filters"], start=1):
        criterion = _filter(each, f"{where}.filters.{number}", problems)
        if criterion is None:
            continue
        inside = criterion.path.startswith(f"{path}.")
        criteria.append(
            criterion
            if inside
            else Criterion(
                path=f"{path}.{criterion.path}",
                operator=criterion.operator,
                values=criterion.values,
            )
        )
    criteria.sort(key=lambda criterion: criterion.operator in ("missing", "ne"))
    if not criteria or criteria[0].operator == "missing":
        problems.append(f"{where}: one of its Filters must ask for a value, or for Exists")
        return None
    return Nested(criteria=tuple(criteria))
