"""What can be asked of costs: one job's, or those of many added up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from modelyard.arns import Arn
from modelyard.governance.costs.job_run import CURRENCY, JOB_KINDS, described
from modelyard.governance.costs.report import Report, Sum, Tagged
from modelyard.operations.context import Context
from modelyard.operations.errors import ResourceNotFound, ValidationError
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import given
from modelyard.store.listing import Listing
from modelyard.store.resources import Scope, Snapshot, Store

_LIST = "modelyard:ListCosts"
_DEFAULT_GROUPS = 100
_PAGE = 500


class Decision(Protocol):
    """What the policies say of one question."""

    @property
    def refusal(self) -> str | None: ...


#: Decides whether a caller may do an action to a resource, by its ARN.
Decide = Callable[[Context, str, str, Request], Decision]


def costs_of(account: str, region: str) -> str:
    """Return the ARN of an account's costs."""
    return str(Arn(service="modelyard", region=region, account=account, resource="costs"))


class CostOperations:
    """Reads the costs of jobs.

    Args:
        decide: asked about the costs of accounts that are not the caller's own.
        accounts: the ids of all accounts.
    """

    def __init__(
        self, store: Store, decide: Decide, accounts: Callable[[Snapshot], Sequence[str]]
    ) -> None:
        self._store = store
        self._decide = decide
        self._accounts = accounts

    @operation("modelyard", "DescribeJobRun", on=given("JobArn"))
    def describe_job_run(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            job = snapshot.find_by_arn(request["JobArn"])
        if job is None or job.kind not in JOB_KINDS or job.scope.account != context.account:
            raise ResourceNotFound(
                f"There is no training, processing or transform job {request['JobArn']!r}"
            )
        return described(job)

    @operation(
        "modelyard", "ListCosts", on=lambda context, _: costs_of(context.account, context.region)
    )
    def list_costs(self, context: Context, request: Request) -> Response:
        by, tag = request["By"], request.get("TagKey", "")
        if (by == "tag") != bool(tag):
            raise ValidationError(
                "TagKey goes with By tag, and By tag with TagKey: name the key of the tag whose "
                "values costs are added up by"
            )
        report = Report(by=by, tag=tag)
        with self._store.read() as snapshot:
            for account in self._visible(snapshot, context, by):
                scope = Scope(account=account, region=context.region)
                report.add(_jobs(snapshot, scope, request))
        groups = report.dearest()
        shown = groups[: request.get("MaxResults", _DEFAULT_GROUPS)]
        return {
            "By": by,
            "Currency": CURRENCY,
            "Groups": [{"Name": name, **_told(one)} for name, one in shown],
            "GroupsLeftOut": len(groups) - len(shown),
            "Total": _told(report.total),
        }

    def _visible(self, snapshot: Snapshot, context: Context, by: str) -> list[str]:
        """Return the accounts whose costs the caller may see: by account others' too."""
        if by != "account":
            return [context.account]
        return [
            account
            for account in sorted({context.account, *self._accounts(snapshot)})
            if account == context.account
            or self._decide(context, _LIST, costs_of(account, context.region), {}).refusal is None
        ]


def _jobs(snapshot: Snapshot, scope: Scope, request: Request) -> Iterator[Tagged]:
    for kind in JOB_KINDS:
        token: str | None = None
        while True:
            listing = Listing(
                limit=_PAGE,
                token=token,
                created_after=request.get("CreationTimeAfter"),
                created_before=request.get("CreationTimeBefore"),
            )
            page = snapshot.list(scope, kind, listing)
            tags = snapshot.tags_of(page.items)
            yield from ((job, tags.get(job.id, {})) for job in page.items)
            token = page.token
            if token is None:
                break


def _told(found: Sum) -> dict[str, Any]:
    return {
        "Jobs": found.jobs,
        "InstanceSeconds": found.seconds,
        "Usd": found.usd,
        "UnpricedInstanceSeconds": found.unpriced_seconds,
    }
