"""JMESPath expressions."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jmespath

from modelyard.images.processing.errors import ClientError


def found(expression: str, document: Any) -> Any:
    """Return what an expression finds, or None.

    Raises:
        ClientError: it is no expression, or does not go together with what it is applied to.
    """
    try:
        return _compiled(expression).search(document)
    except jmespath.exceptions.JMESPathError as error:
        first = str(error).splitlines()[0]
        raise ClientError(f"JMESPath expression {expression!r}: {first}") from error


@lru_cache(maxsize=64)
def _compiled(expression: str) -> Any:
    return jmespath.compile(expression)
