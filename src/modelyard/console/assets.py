"""Style, script and icon: they travel in the package, and no page asks for anything else.

Their URLs name a digest of what they are, so that a browser keeps them for good and never has an
old one beside a new page.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources

_TYPES = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "theme.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


@dataclass(frozen=True, kw_only=True)
class Asset:
    """One file of the pages'."""

    name: str
    body: bytes
    media_type: str
    url: str


@cache
def assets() -> dict[str, Asset]:
    """Return all assets by their URLs."""
    folder = resources.files("modelyard.console") / "static"
    found = {}
    for name, media_type in _TYPES.items():
        body = (folder / name).read_bytes()
        digest = hashlib.sha256(body).hexdigest()[:16]
        asset = Asset(
            name=name,
            body=body,
            media_type=media_type,
            url=f"/console/static/{digest}/{name}",
        )
        found[asset.url] = asset
    return found


@cache
def url_of(name: str) -> str:
    """Return the URL of an asset.

    Raises:
        KeyError: there is none of that name.
    """
    return {asset.name: asset.url for asset in assets().values()}[name]
