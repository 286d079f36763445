"""What is wrong with a certificate."""

from __future__ import annotations

from collections.abc import Sequence


class TlsError(Exception):
    """TLS cannot be served; `problems` names each with its rule and remedy."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)
