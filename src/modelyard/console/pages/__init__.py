"""All pages: one module each."""

from __future__ import annotations

from modelyard.console.pages import (
    approvals,
    audit,
    autopilot,
    cards,
    dashboard,
    deliveries,
    endpoints,
    events,
    find,
    home,
    job_lists,
    log,
    models,
    monitors,
    people,
    processing,
    roles,
    training,
    transform,
    tuning,
    version,
)
from modelyard.console.routes import Route

ROUTES: tuple[Route, ...] = (
    *approvals.ROUTES,
    *audit.ROUTES,
    *autopilot.ROUTES,
    *cards.ROUTES,
    *dashboard.ROUTES,
    *deliveries.ROUTES,
    *endpoints.ROUTES,
    *events.ROUTES,
    *find.ROUTES,
    *home.ROUTES,
    *job_lists.ROUTES,
    *log.ROUTES,
    *models.ROUTES,
    *monitors.ROUTES,
    *people.ROUTES,
    *processing.ROUTES,
    *roles.ROUTES,
    *training.ROUTES,
    *transform.ROUTES,
    *tuning.ROUTES,
    *version.ROUTES,
)
