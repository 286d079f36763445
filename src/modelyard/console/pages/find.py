"""From an ARN or a name to its page: an ARN of another account is refused, and said to be so."""

from __future__ import annotations

import htpy as h

from modelyard.arns import Arn
from modelyard.console.pieces.links import page_of, url
from modelyard.console.pieces.panels import empty, panel
from modelyard.console.pieces.tables import listed
from modelyard.console.routes import page
from modelyard.console.visits import Done, Page, Visit
from modelyard.operations.errors import AccessDenied, OperationError

#: (what it is, page, operation, member of the answer, the name in it)
_NAMED = (
    ("Training job", "training-jobs", "ListTrainingJobs", "TrainingJobSummaries", "TrainingJob"),
    ("Endpoint", "endpoints", "ListEndpoints", "Endpoints", "Endpoint"),
    (
        "Model group",
        "models",
        "ListModelPackageGroups",
        "ModelPackageGroupSummaryList",
        "ModelPackageGroup",
    ),
    (
        "Processing job",
        "processing-jobs",
        "ListProcessingJobs",
        "ProcessingJobSummaries",
        "ProcessingJob",
    ),
    (
        "Tuning job",
        "tuning-jobs",
        "ListHyperParameterTuningJobs",
        "HyperParameterTuningJobSummaries",
        "HyperParameterTuningJob",
    ),
    ("Card", "cards", "ListModelCards", "ModelCardSummaries", "ModelCard"),
)
_HITS = 8


def show(visit: Visit) -> Page | Done:
    """Return the page of what was asked for, or a list of what it may be."""
    wanted = visit.query.get("arn", "").strip()
    if wanted.startswith("arn:"):
        return _arn(visit, wanted)
    found = [(title, words, href) for title, words, href in _named(visit, wanted) if wanted]
    if len(found) == 1:
        return Done(url=found[0][2])
    return Page(
        title=f"“{wanted}”" if wanted else "Find",
        body=panel(
            "Found",
            h.ul[[h.li[h.a(href=href)[words], f" – {title}"] for title, words, href in found]]
            if found
            else empty("Nothing that you may see has such a name."),
        ),
    )


def _arn(visit: Visit, wanted: str) -> Done:
    own = visit.desk.context.account
    try:
        account = Arn.parse(wanted).account
    except ValueError as error:
        raise OperationError(str(error)) from error
    if account and account != own:
        raise AccessDenied(
            f"{wanted} is of account {account}, and you are signed in to {own}: "
            "act as a role of that account to look at it"
        )
    found = page_of(wanted)
    if found is None:
        raise OperationError(f"{wanted} has no page of its own")
    return Done(url=found)


def _named(visit: Visit, wanted: str) -> list[tuple[str, str, str]]:
    found = []
    for title, where, operation, member, prefix in _NAMED:
        answer = visit.desk.find("sagemaker", operation, NameContains=wanted, MaxResults=_HITS)
        for one in listed(answer, member):
            name = one[f"{prefix}Name"]
            found.append((title, name, url(where, name)))
    return found


ROUTES = (page("find", show),)
