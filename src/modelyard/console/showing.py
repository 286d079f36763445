"""Pages for who is signed in: found by their URL, shown in their frame, also when they fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import htpy as h
from starlette.responses import RedirectResponse, Response

from modelyard import clock
from modelyard.api.errors import failure_of
from modelyard.api.state import RequestState
from modelyard.console import requests
from modelyard.console.desk import Desk
from modelyard.console.frame import Visitor, framed
from modelyard.console.navigation import sections_for
from modelyard.console.pages import ROUTES
from modelyard.console.pages.roles import RoleChange, taken_role
from modelyard.console.pieces.links import url
from modelyard.console.pieces.panels import panel
from modelyard.console.routes import Route, find_route
from modelyard.console.sessions import Sessions, SignedIn
from modelyard.console.visits import Done, Download, Page, Visit
from modelyard.identity.authentication import RequestHead
from modelyard.operations.context import Context
from modelyard.operations.errors import AccessDenied, OperationError, ValidationError


class Shown:
    """What one visitor's request shows.

    Args:
        desk: the visitor's way to the operations.
        experiments: whether there is an MLflow server to show.
    """

    def __init__(
        self,
        sessions: Sessions,
        session: SignedIn,
        desk: Desk,
        experiments: Callable[[], bool],
    ) -> None:
        self._sessions = sessions
        self._session = session
        self._desk = desk
        self._experiments = experiments
        self.renewed: SignedIn | None = None  # the session that came in the place of this one

    def answer(
        self,
        head: RequestHead,
        segments: Sequence[str],
        typed: Mapping[str, str],
        state: RequestState,
    ) -> Response:
        """Return a page, or what came of a form."""
        desk = self._desk
        acts = head.method == "POST"
        found = find_route(ROUTES, segments, acts=acts)
        query = requests.query_of(head)
        here = "" if acts else _here(head)
        if found is None:
            state.error = "NotFound"
            return self._render(desk, _missing(), 404, here=here)
        route, names = found
        visit = self._visit(desk, names, query, typed)
        try:
            result = route.act(visit) if acts and route.act is not None else route.show(visit)
        except OperationError as error:
            failure = failure_of(error, state)
            if acts:
                return self._again(route, visit, failure.status, str(error))
            if query and isinstance(error, ValidationError):
                return self._without_filters(route, visit, failure.status, str(error))
            return self._render(desk, _refusal(error), failure.status, here=here)
        if isinstance(result, RoleChange):
            return self._change_role(desk, result, visit, route)
        return self._response(desk, result, query, here)

    def form_again(
        self, segments: Sequence[str], typed: Mapping[str, str], problem: str
    ) -> Response:
        """Return the page of a form with what was typed in it."""
        found = find_route(ROUTES, segments, acts=True)
        if found is None:
            return RedirectResponse(url(), status_code=303)
        route, names = found
        return self._again(route, self._visit(self._desk, names, {}, typed), 200, problem)

    def _visit(
        self,
        desk: Desk,
        names: Mapping[str, str],
        query: Mapping[str, str],
        typed: Mapping[str, str],
    ) -> Visit:
        return Visit(
            desk=desk,
            csrf=self._session.csrf,
            now=clock.now(),
            names=names,
            query=query,
            typed=typed,
        )

    def _again(self, route: Route, visit: Visit, status: int, problem: str) -> Response:
        again = replace(visit, query={"tab": visit.typed.get("tab", "")})
        try:
            page = route.show(again)
        except OperationError:
            page = Page(title="That did not work", body=None)
        if not isinstance(page, Page):
            page = Page(title="That did not work", body=None)
        return self._render(visit.desk, page, status, here="", problem=problem)

    def _without_filters(self, route: Route, visit: Visit, status: int, problem: str) -> Response:
        """Return a page whose URL asks for something that cannot be, without what it asks."""
        try:
            page = route.show(replace(visit, query={}))
        except OperationError as error:
            page = _refusal(error)
        if not isinstance(page, Page):
            page = _missing()
        return self._render(visit.desk, page, status, here="", problem=problem)

    def _change_role(self, desk: Desk, change: RoleChange, visit: Visit, route: Route) -> Response:
        try:
            authorization, behind = taken_role(desk, change, self._session)
        except OperationError as error:
            return self._again(route, visit, 403, str(error))
        self.renewed = self._sessions.open(
            authorization, behind=behind, instead_of=self._session.cookie
        )
        notice = "role-taken" if change.role else "role-left"
        return RedirectResponse(url("settings", done=notice), status_code=303)

    def _response(
        self, desk: Desk, result: object, query: Mapping[str, str], here: str
    ) -> Response:
        if isinstance(result, Done):
            target = result.url
            if result.notice:
                target += f"{'&' if '?' in target else '?'}done={result.notice}"
            return RedirectResponse(target, status_code=303)
        if isinstance(result, Download):
            return _download(result)
        if not isinstance(result, Page):
            raise TypeError(f"a page answered {type(result).__name__}")
        return self._render(desk, result, 200, here=here, notice=query.get("done", ""))

    def _render(
        self,
        desk: Desk,
        page: Page,
        status: int,
        *,
        here: str,
        notice: str = "",
        problem: str = "",
    ) -> Response:
        text = framed(
            page,
            self._visitor(desk.context),
            sections_for(desk, experiments=self._experiments()),
            here=here,
            notice=notice,
            problem=problem,
        )
        return Response(text, status_code=status, media_type="text/html; charset=utf-8")

    def _visitor(self, context: Context) -> Visitor:
        principal = context.principal
        personas = self._sessions.personas(principal)
        kind = "root" if principal.is_root else ", ".join(personas) or "no persona"
        return Visitor(
            name=principal.arn.rpartition("/")[2].rpartition(":")[2],
            account=context.account,
            acting=kind,
            csrf=self._session.csrf,
        )


def _here(head: RequestHead) -> str:
    kept = [part for part in head.query.split("&") if part and not part.startswith("done=")]
    return f"{head.path}?{'&'.join(kept)}" if kept else head.path


def _missing() -> Page:
    return Page(
        title="There is no such page",
        body=h.p["The address leads nowhere. ", h.a(href=url())["Go to the first page"], "."],
    )


def _refusal(error: OperationError) -> Page:
    if isinstance(error, AccessDenied):
        return Page(
            title="Not for you",
            body=panel(
                "What the policy says",
                h.p[str(error)],
                h.p(".muted")[
                    "If you may act as a role that may do this, take it on the page ",
                    h.a(href=url("settings"))["Settings"],
                    ".",
                ],
            ),
        )
    return Page(title="That cannot be shown", body=panel("Why", h.p[str(error)]))


def _download(file: Download) -> Response:
    plain = "".join(char if char.isalnum() or char in "._-" else "_" for char in file.name)
    return Response(
        file.body,
        media_type=file.media_type,
        headers={
            "content-disposition": f'attachment; filename="{plain}"',
            "content-security-policy": "sandbox; default-src 'none'",
        },
    )
