"""The document of all benches: each section is the last measurement of its bench, with its day."""

from __future__ import annotations

import re
from collections.abc import Mapping

HEAD = """# Benchmarks

Each section is what one bench printed: `python -m bench NAME --write docs/benchmarks.md` measures
it again, `make bench` all of them. What makes the load runs on the same cores, so ratios say more
than absolute numbers.
"""

_SECTION = re.compile(r"^(?=## )", re.MULTILINE)


def merged(document: str, sections: Mapping[str, str]) -> str:
    """Return the document with these sections, by their titles, in place of those that it had."""
    _, *texts = _SECTION.split(document)
    there = {_title(text): text.strip() for text in texts}
    there |= {title: text.strip() for title, text in sections.items()}
    return "\n\n".join([HEAD.strip(), *(there[title] for title in sorted(there))]) + "\n"


def _title(section: str) -> str:
    return section.splitlines()[0].removeprefix("## ").strip()
