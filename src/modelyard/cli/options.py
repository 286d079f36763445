"""Options that many commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Folder of all state. Default: MODELYARD_HOME, else ~/.modelyard."),
]


def home_of(given: Path | None) -> Path:
    """Return the home that a command is about."""
    from modelyard import settings

    return settings.home_of(given)
