"""Signs of the navigation, drawn with strokes in the colour of the text."""

from __future__ import annotations

import htpy as h

_PATHS = {
    "home": "M3 11 12 4l9 7v9h-6v-6H9v6H3z",
    "training": "M3 20h18M6 16l4-5 4 3 5-8",
    "tuning": "M4 7h9m4 0h3M4 17h3m4 0h9M15 4v6M9 14v6",
    "processing": "M4 6h16M4 12h10M4 18h6m6-2 4 3-4 3z",
    "transform": "M4 8h13l-3-3m6 11H7l3 3",
    "autopilot": "M12 3v3m0 12v3m9-9h-3M6 12H3m9-5a5 5 0 1 1 0 10 5 5 0 0 1 0-10",
    "experiments": "M9 3h6m-5 0v6l-5 9a2 2 0 0 0 2 3h10a2 2 0 0 0 2-3l-5-9V3",
    "models": "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9",
    "approvals": "M4 12l5 5L20 6",
    "cards": "M5 3h10l4 4v14H5zM9 11h6M9 15h6",
    "dashboard": "M4 4h7v7H4zM13 4h7v4h-7zM13 10h7v10h-7zM4 13h7v7H4z",
    "deliveries": "M3 12h5l2-3h4l2 3h5M6 12v6m12-6v6M12 4v5",
    "endpoints": "M12 12m-3 0a3 3 0 1 0 6 0 3 3 0 1 0-6 0"
    "M5 5a10 10 0 0 0 0 14M19 5a10 10 0 0 1 0 14",
    "monitors": "M2 12h5l3-8 4 16 3-8h5",
    "events": "M12 3a6 6 0 0 0-6 6v4l-2 4h16l-2-4V9a6 6 0 0 0-6-6M10 20h4",
    "audit": "M12 3l8 3v6c0 5-3.5 8-8 9-4.5-1-8-4-8-9V6zM9 12l2 2 4-4",
    "people": "M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8M2 21c0-4 3-6 7-6s7 2 7 6"
    "M16 4a4 4 0 0 1 0 7M18 15c3 .6 4 3 4 6",
    "settings": "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6M12 2v4m0 12v4M2 12h4m12 0h4"
    "M5 5l3 3m8 8 3 3M19 5l-3 3M8 16l-3 3",
    "copy": "M9 9h11v11H9zM5 15H4V4h11v1",
    "menu": "M4 6h16M4 12h16M4 18h16",
    "theme": "M20 14A8 8 0 0 1 10 4a8 8 0 1 0 10 10",
}


def icon(name: str) -> h.Element:
    """Return a sign; it says nothing by itself, the words beside it do."""
    return h.svg(
        ".icon",
        viewBox="0 0 24 24",
        width="18",
        height="18",
        fill="none",
        stroke="currentColor",
        stroke_width="1.7",
        stroke_linecap="round",
        stroke_linejoin="round",
        aria_hidden="true",
        focusable="false",
    )[h.path(d=_PATHS[name])]
