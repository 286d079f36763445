"""Which slots of a schedule are due, and what becomes of those that were missed.

After a stop only the newest slot is run: any number of schedules then begin one execution each, not
one for every hour. The others are recorded as failed, with a sentence, so that nobody takes their
hours for checked ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from modelyard.schedules import Schedule

#: How many missed slots are recorded one by one; of older ones the oldest record tells the number.
MAX_RECORDED = 48


@dataclass(frozen=True, kw_only=True)
class Due:
    """What is to be done now; times in UTC."""

    run: datetime
    missed: Sequence[datetime] = ()  # oldest first
    left_out: int = 0  # how many more were missed, ahead of those


def due(schedule: Schedule, last: datetime, now: datetime) -> Due | None:
    """Return what is due.

    Args:
        last: the slot that was dealt with last, or since when slots count.
        now: a slot at this very moment is due.
    """
    recent: list[datetime] = []
    count = 0
    slot = schedule.after(last)
    while slot is not None and slot <= now:
        count += 1
        recent.append(slot)
        del recent[: -MAX_RECORDED - 1]
        slot = schedule.after(slot)
    if not recent:
        return None
    *missed, run = recent
    return Due(run=run, missed=missed, left_out=count - len(recent))
