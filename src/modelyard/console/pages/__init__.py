"""All pages: one module each."""

from __future__ import annotations

from modelyard.console.pages import (
    find,
    home,
    job_lists,
    log,
    roles,
    training,
)
from modelyard.console.routes import Route

ROUTES: tuple[Route, ...] = (
    *home.ROUTES,
    *find.ROUTES,
    *log.ROUTES,
    *job_lists.ROUTES,
    *training.ROUTES,
    *roles.ROUTES,
)
