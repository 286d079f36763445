"""From a URL to its page, and from a form to what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from modelyard.console.visits import Done, Download, Page, Visit

ShowPage = Callable[[Visit], Page | Done | Download]
Act = Callable[[Visit], Done | Page]


@dataclass(frozen=True, kw_only=True)
class Route:
    """One URL below `/console`; `{name}` in it stands for any one part."""

    pattern: str
    show: ShowPage  # also where a form stands again that could not be carried out
    act: Act | None = None  # a form's; such a URL is no page by itself

    def match(self, segments: Sequence[str]) -> Mapping[str, str] | None:
        """Return the names that the URL gives, or None where it is another one."""
        parts = [part for part in self.pattern.split("/") if part]
        if len(parts) != len(segments):
            return None
        names: dict[str, str] = {}
        for part, given in zip(parts, segments, strict=True):
            if part.startswith("{"):
                if not given:
                    return None
                names[part[1:-1]] = given
            elif part != given:
                return None
        return names


def page(pattern: str, show: ShowPage) -> Route:
    """Return the route of a page."""
    return Route(pattern=pattern, show=show)


def action(pattern: str, show: ShowPage, act: Act) -> Route:
    """Return the route of a form that stands on a page."""
    return Route(pattern=pattern, show=show, act=act)


def find_route(
    routes: Iterable[Route], segments: Sequence[str], *, acts: bool
) -> tuple[Route, Mapping[str, str]] | None:
    """Return the first route of a URL, and the names in it; None: there is none."""
    for route in routes:
        if (route.act is not None) != acts:
            continue
        names = route.match(segments)
        if names is not None:
            return route, names
    return None
