"""The navigation: a page is in it if its visitor may look at what it lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modelyard.api.mlflow.door import RESOURCE
from modelyard.api.mlflow.routes import READ
from modelyard.arns import Arn
from modelyard.console.desk import Desk
from modelyard.console.pieces.links import url


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One page in the navigation."""

    title: str
    url: str
    icon: str
    needs: tuple[str, str] | None = None  # the operation that the page is made of


@dataclass(frozen=True, kw_only=True)
class Section:
    """Pages that belong together."""

    title: str
    entries: Sequence[Entry]


def _entry(title: str, page: str, icon: str, service: str, operation: str) -> Entry:
    return Entry(title=title, url=url(page), icon=icon, needs=(service, operation))


EXPERIMENTS = Entry(title="Experiments", url="/mlflow/#/experiments", icon="experiments")

SECTIONS = (
    Section(title="", entries=(Entry(title="Home", url=url(), icon="home"),)),
    Section(
        title="Build",
        entries=(
            _entry("Training", "training-jobs", "training", "sagemaker", "ListTrainingJobs"),
            _entry("Tuning", "tuning-jobs", "tuning", "sagemaker", "ListHyperParameterTuningJobs"),
            _entry("Autopilot", "autopilot-jobs", "autopilot", "sagemaker", "ListAutoMLJobs"),
            _entry(
                "Processing", "processing-jobs", "processing", "sagemaker", "ListProcessingJobs"
            ),
            _entry(
                "Batch transform", "transform-jobs", "transform", "sagemaker", "ListTransformJobs"
            ),
            EXPERIMENTS,
        ),
    ),
    Section(
        title="Govern",
        entries=(
            _entry("Models", "models", "models", "sagemaker", "ListModelPackageGroups"),
            _entry("Approvals", "approvals", "approvals", "sagemaker", "Search"),
            _entry("Model cards", "cards", "cards", "sagemaker", "ListModelCards"),
            _entry("Model dashboard", "dashboard", "dashboard", "sagemaker", "ListModels"),
        ),
    ),
    Section(
        title="Run",
        entries=(
            _entry("Deliveries", "deliveries", "deliveries", "codepipeline", "ListPipelines"),
            _entry("Endpoints", "endpoints", "endpoints", "sagemaker", "ListEndpoints"),
            _entry("Monitors", "monitors", "monitors", "sagemaker", "ListMonitoringSchedules"),
        ),
    ),
    Section(
        title="Platform",
        entries=(
            _entry("Events", "events", "events", "modelyard", "ListEvents"),
            _entry("Audit trail", "audit", "audit", "modelyard", "LookupAuditRecords"),
            _entry("Accounts and people", "people", "people", "modelyard", "ListAccounts"),
            Entry(title="Settings", url=url("settings"), icon="settings"),
        ),
    ),
)


def sections_for(desk: Desk, *, experiments: bool) -> list[Section]:
    """Return what a visitor may see.

    Args:
        experiments: whether there is an MLflow server to show.
    """
    found = []
    for section in SECTIONS:
        entries = [
            entry
            for entry in section.entries
            if (entry.needs is None or desk.may(*entry.needs))
            and (entry is not EXPERIMENTS or (experiments and _may_read_experiments(desk)))
        ]
        if entries:
            found.append(Section(title=section.title, entries=entries))
    return found


def _may_read_experiments(desk: Desk) -> bool:
    context = desk.context
    arn = Arn(service="mlflow", region=context.region, account=context.account, resource=RESOURCE)
    return desk.table.decide(context, READ, str(arn), {}).allowed
