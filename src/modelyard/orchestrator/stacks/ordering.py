"""What comes first, where some things need others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter


def ordered(needs: Mapping[str, Collection[str]]) -> list[str]:
    """Return the names of `needs`, each behind those that it needs, otherwise sorted.

    What is needed but has no entry is passed over.

    Raises:
        graphlib.CycleError: there is a circle.
    """
    sorter = TopologicalSorter(
        {name: [item for item in needed if item in needs] for name, needed in needs.items()}
    )
    sorter.prepare()
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order.extend(ready)
        sorter.done(*ready)
    return order


def circle_in(needs: Mapping[str, Collection[str]]) -> list[str]:
    """Return a circle, its first name again at its end, or nothing."""
    try:
        ordered(needs)
    except CycleError as error:
        # graphlib lists each name behind the one that needs it last: turned round, it reads on.
        return list(reversed(error.args[1]))
    return []
