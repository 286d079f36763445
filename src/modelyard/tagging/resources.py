"""`GetResources` of the Resource Groups Tagging API: what has a tag, whatever it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modelyard.arns import Arn
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.operations.requests import scope_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import every
from modelyard.store.resources import Resource, Store
from modelyard.store.tagged import tagged

_SERVICE = "resourcegroupstaggingapi"
_PAGE = 100
_NOT_OFFERED = ("ResourceARNList", "TagsPerPage", "IncludeComplianceDetails")


class TaggedResources:
    """Lists the resources of the caller's account and region by their tags."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @operation(_SERVICE, "GetResources", on=every("resource", service=_SERVICE))
    def get_resources(self, context: Context, request: Request) -> Response:
        refused = [name for name in _NOT_OFFERED if request.get(name)]
        if refused:
            raise ValidationError(f"{' and '.join(refused)}: not offered, leave it out")
        types = list(request.get("ResourceTypeFilters") or [])
        limit = int(request.get("ResourcesPerPage") or _PAGE)
        after = _after(request.get("PaginationToken") or "")
        found: list[Resource] = []
        with self._store.read() as snapshot:
            while len(found) < limit:
                page = tagged(
                    snapshot, scope_of(context), _filters(request), after=after, limit=_PAGE
                )
                for one in page:
                    after = one.id
                    if _is_of(one, types):
                        found.append(one)
                        if len(found) == limit:
                            break
                if len(page) < _PAGE:
                    break
            tags = snapshot.tags_of(found)
        ended = len(found) < limit
        return {
            "PaginationToken": "" if ended else str(after),
            "ResourceTagMappingList": [
                {
                    "ResourceARN": one.arn,
                    "Tags": [
                        {"Key": key, "Value": value} for key, value in tags.get(one.id, {}).items()
                    ],
                }
                for one in found
            ],
        }


def _filters(request: Request) -> Mapping[str, Sequence[str]]:
    found: dict[str, Sequence[str]] = {}
    for one in request.get("TagFilters") or []:
        if one["Key"] in found:
            raise ValidationError(f"the tag {one['Key']!r} is filtered twice: give all its values")
        found[one["Key"]] = one.get("Values") or []
    return found


def _is_of(resource: Resource, types: Sequence[str]) -> bool:
    """Return whether a resource is of one of the types, `sagemaker` or `sagemaker:endpoint`."""
    arn = Arn.parse(resource.arn)
    return not types or any(one in (arn.service, f"{arn.service}:{arn.kind}") for one in types)


def _after(token: str) -> int:
    if token and not (token.isascii() and token.isdigit() and len(token) < 18):
        raise ValidationError("PaginationToken is not one that this server gave: leave it out")
    return int(token or 0)
