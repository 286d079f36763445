"""What is printed: a card's version, and all that is to be said about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from modelyard.governance.cards.content import Document
from modelyard.governance.cards.rows import StatusChange


@dataclass(frozen=True, kw_only=True)
class PrintedCard:
    """One version of a card, as it is filed."""

    name: str
    arn: str
    version: int
    newest_version: int
    status: str
    content: Document
    sha256: str  # of the content, see `content.digest`
    created_at: datetime
    created_by: str  # ARN of a person
    modified_at: datetime
    modified_by: str  # ARN of a person
    exported_at: datetime
    exported_by: str  # ARN of a person
    export_job: str  # ARN
    history: Sequence[StatusChange]  # of the whole card, oldest first
