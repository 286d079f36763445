"""ISO 8601 durations as the API spells offsets: `-PT1H`, `P1D`, `PT0S`.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_EndpointInput.html
"""

from __future__ import annotations

import re
from datetime import timedelta

_DURATION = re.compile(
    r"(?P<sign>-?)P(?:(?P<days>\d{1,4})D)?"
    r"(?:T(?:(?P<hours>\d{1,5})H)?(?:(?P<minutes>\d{1,6})M)?(?:(?P<seconds>\d{1,7})S)?)?"
)
_UNITS = ("days", "hours", "minutes", "seconds")


def parse_duration(text: str) -> timedelta:
    """Return a duration, which may be negative.

    Raises:
        ValueError: it is none; months and years, whose length differs, are not offered.
    """
    match = _DURATION.fullmatch(text)
    parts = {} if match is None else {unit: match[unit] for unit in _UNITS if match[unit]}
    if match is None or not parts:
        raise ValueError(f"{text!r} is no duration such as -PT1H or -P1D")
    length = timedelta(**{unit: int(count) for unit, count in parts.items()})
    return -length if match["sign"] else length
