"""How cards are found by Search, and what it shows of one.

Clients look for the card of a model (`ModelId`), and of a registry group (`ModelPackageGroupName`).
"""

from __future__ import annotations

from typing import Any

from modelyard.store.resources import Resource

_SHOWN = (
    "ModelCardName",
    "ModelCardArn",
    "ModelCardVersion",
    "ModelCardStatus",
    "ModelId",
    "ModelPackageGroupName",
    "RiskRating",
    "CreatedBy",
    "LastModifiedBy",
)


def result(card: Resource) -> dict[str, Any]:
    """Return what Search shows of a card, and finds it by: all but its content."""
    shown = {name: card.observed[name] for name in _SHOWN if card.observed.get(name)}
    return {
        **shown,
        **card.spec,
        "CreationTime": card.created_at,
        "LastModifiedTime": card.modified_at,
    }
