"""What a page gets, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from htpy import Node

from modelyard.console.desk import Desk


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One request for a page, or for something to be done on it."""

    desk: Desk
    csrf: str  # what each form must carry
    now: datetime  # aware
    names: Mapping[str, str]  # of what the URL names
    query: Mapping[str, str]
    typed: Mapping[str, str]  # what a form was sent with that could not be carried out; or must be

    def name(self, part: str) -> str:
        """Return one of the names in the URL."""
        return self.names[part]


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page, without the frame around it."""

    title: str
    body: Node
    intro: Node = None  # a line below the title
    crumbs: Sequence[tuple[str, str]] = ()  # (words, URL) of the pages above
    actions: Node = None  # beside the title
    #: Until the page looks again by itself; 0: once something happened.
    seconds: int = 0


@dataclass(frozen=True, kw_only=True)
class Done:
    """Something was done: where to go on, and what to say there."""

    url: str
    notice: str = ""  # a key of `words.NOTICES`


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file instead of a page."""

    name: str
    body: bytes
    media_type: str
