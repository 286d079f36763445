"""Groups of model versions: create, describe, list, delete, and the policy that shares one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelyard.operations.context import Context
from modelyard.operations.errors import Conflict, ValidationError
from modelyard.operations.listing import listing_of
from modelyard.operations.requests import scope_of, spec_of, tags_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import every, named
from modelyard.registry.descriptions import describe_group, summarise_group, user_context
from modelyard.registry.references import GROUP, VERSION, find_group, group_of
from modelyard.registry.sharing import (
    POLICY,
    check_document,
    is_shared,
    require_shared,
)
from modelyard.store.errors import AlreadyExists
from modelyard.store.resources import Store
from modelyard.store.search import Criterion, Search
from modelyard.store.search_pages import search

_ON_GROUP = named(GROUP, "ModelPackageGroupName")


class GroupOperations:
    """What can be asked of groups.

    Args:
        account_exists: whether there is an account of that id.
    """

    def __init__(self, store: Store, *, account_exists: Callable[[str], bool]) -> None:
        self._store = store
        self._account_exists = account_exists

    @operation("sagemaker", "CreateModelPackageGroup", on=_ON_GROUP)
    def create_model_package_group(self, context: Context, request: Request) -> Response:
        group = group_of(context, request["ModelPackageGroupName"])
        by = user_context(context)
        with self._store.write() as transaction:
            try:
                transaction.create(
                    group.scope,
                    GROUP,
                    group.name,
                    arn=group.arn,
                    spec=spec_of(request),
                    status="Completed",
                    observed={"CreatedBy": by, "ModelPackageGroupName": group.name},
                    tags=tags_of(request),
                )
            except AlreadyExists as error:
                raise ValidationError(f"Model Package Group already exists: {group.arn}") from error
        return {"ModelPackageGroupArn": group.arn}

    @operation("sagemaker", "DescribeModelPackageGroup", on=_ON_GROUP)
    def describe_model_package_group(self, context: Context, request: Request) -> Response:
        group = group_of(context, request["ModelPackageGroupName"])
        with self._store.read() as snapshot:
            require_shared(snapshot, context, "sagemaker:DescribeModelPackageGroup", group)
            return describe_group(find_group(snapshot, group))

    @operation("sagemaker", "ListModelPackageGroups", on=every(GROUP))
    def list_model_package_groups(self, context: Context, request: Request) -> Response:
        if request.get("CrossAccountFilterOption") == "CrossAccount":
            return self._list_shared(context, request)
        with self._store.read() as snapshot:
            page = snapshot.list(scope_of(context), GROUP, listing_of(request, descending=True))
        return {
            "ModelPackageGroupSummaryList": [summarise_group(group) for group in page.items],
            "NextToken": page.token,
        }

    @operation("sagemaker", "DeleteModelPackageGroup", on=_ON_GROUP)
    def delete_model_package_group(self, context: Context, request: Request) -> Response:
        group = group_of(context, request["ModelPackageGroupName"])
        with self._store.write() as transaction:
            require_shared(transaction, context, "sagemaker:DeleteModelPackageGroup", group)
            found = find_group(transaction, group)
            members = Criterion(path="ModelPackageGroupName", operator="eq", values=(group.name,))
            if search(transaction, group.scope, VERSION, Search(condition=members, limit=1)).items:
                raise Conflict(
                    f"Model Package Group {group.arn} cannot be deleted because it still contains "
                    "Model Packages: delete them first (ListModelPackages shows them)"
                )
            transaction.delete(found)
        return {}

    @operation("sagemaker", "PutModelPackageGroupPolicy", on=_ON_GROUP)
    def put_model_package_group_policy(self, context: Context, request: Request) -> Response:
        group = group_of(context, request["ModelPackageGroupName"])
        with self._store.write() as transaction:
            found = find_group(transaction, group)
            check_document(request["ResourcePolicy"], group, self._account_exists)
            transaction.update(found, observed={POLICY: request["ResourcePolicy"]})
        return {"ModelPackageGroupArn": group.arn}

    @operation("sagemaker", "GetModelPackageGroupPolicy", on=_ON_GROUP)
    def get_model_package_group_policy(self, context: Context, request: Request) -> Response:
        group = group_of(context, request["ModelPackageGroupName"])
        with self._store.read() as snapshot:
            found = find_group(snapshot, group)
        text = found.observed.get(POLICY)
        if text is None:
            raise ValidationError(
                f"Cannot find resource policy for: {group.arn}: PutModelPackageGroupPolicy sets one"
            )
        return {"ResourcePolicy": text}

    @operation("sagemaker", "DeleteModelPackageGroupPolicy", on=_ON_GROUP)
    def delete_model_package_group_policy(self, context: Context, request: Request) -> Response:
        group = group_of(context, request["ModelPackageGroupName"])
        with self._store.write() as transaction:
            transaction.update(find_group(transaction, group), observed={POLICY: None})
        return {}

    def _list_shared(self, context: Context, request: Request) -> Response:
        """List the groups of other accounts that their owners share with the caller."""
        asked = listing_of(request, descending=True)
        with self._store.read() as snapshot:
            found = [
                group
                for group in snapshot.with_status(GROUP, "Completed")
                if group.scope.account != context.account
                and group.scope.region == context.region
                and (asked.name_contains is None or asked.name_contains in group.name)
                and (asked.created_after is None or group.created_at > asked.created_after)
                and (asked.created_before is None or group.created_at < asked.created_before)
                and is_shared(group, context, "sagemaker:DescribeModelPackageGroup", group.arn)
            ]
        by_name = request.get("SortBy") == "Name"
        found.sort(
            key=lambda group: (group.name if by_name else group.created_at, group.arn),
            reverse=asked.descending,
        )
        return _page(found, request, summarise_group)


def _page(found: list[Any], request: Request, shown: Callable[[Any], Any]) -> Response:
    """Return a page of what is found by going through all; the token is the last one's ARN."""
    token = request.get("NextToken")
    if token is not None:
        places = [number for number, one in enumerate(found) if one.arn == token]
        if not places:
            raise ValidationError("NextToken is not one of this listing: start from the first page")
        found = found[places[0] + 1 :]
    limit = request.get("MaxResults", 10)
    more = len(found) > limit
    return {
        "ModelPackageGroupSummaryList": [shown(one) for one in found[:limit]],
        "NextToken": found[limit - 1].arn if more else None,
    }
