"""What stands at the head of every report: of what, when, where."""

from __future__ import annotations

from modelyard.images.model_monitor.settings import Settings


def of(settings: Settings, rows: int) -> list[tuple[str, str]]:
    """Return the names and values, those that are known."""
    given = [
        ("Endpoint", settings.endpoint),
        ("Schedule", settings.schedule),
        ("Data", settings.window or str(settings.dataset_source)),
        ("Rows", f"{rows}"),
    ]
    return [(name, value) for name, value in given if value]


def counted(count: int, one: str, many: str) -> str:
    """Return a number with its noun."""
    return f"{count} {one if count == 1 else many}"
