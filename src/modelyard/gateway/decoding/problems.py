"""What is wrong with a body, told all at once."""

from __future__ import annotations

from collections.abc import Sequence

from modelyard.gateway.errors import ModelRefusal

#: Of a body's problems this many are told; a file of the wrong kind has thousands.
MAX_TOLD = 5
MAX_QUOTED_CHARACTERS = 40
#: Rows times width. Sparse formats can ask for more memory than they are long.
MAX_CELLS = 50_000_000


def unreadable(problems: Sequence[str]) -> ModelRefusal:
    """Return the refusal (400) that tells `problems`, the first few of them."""
    told = "; ".join(problems[:MAX_TOLD])
    return ModelRefusal(400, told + ("; and more" if len(problems) > MAX_TOLD else ""))


def quoted(value: object) -> str:
    """Return a value for an error message, shortened."""
    text = repr(value)
    return text if len(text) <= MAX_QUOTED_CHARACTERS else text[:MAX_QUOTED_CHARACTERS] + "…"


def check_size(rows: int, width: int) -> None:
    """Refuse rows that would take too much memory.

    Raises:
        ModelRefusal: they would.
    """
    if rows * width > MAX_CELLS:
        raise unreadable([f"{rows} rows of {width} features are more than one request may hold"])
