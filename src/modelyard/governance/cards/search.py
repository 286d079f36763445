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
    """Return what Search shows of a card: all but its content."""
    shown = {name: card.observed[name] for name in _SHOWN if card.observed.get(name)}
    return {
        **shown,
        **card.spec,
        "CreationTime": card.created_at,
        "LastModifiedTime": card.modified_at,
    }


def fields(card: Resource) -> dict[str, Any]:
    """Return the fields that a card is found by."""
    found = result(card)
    return {
        **found,
        "CreationTime": card.created_at.isoformat(),
        "LastModifiedTime": card.modified_at.isoformat(),
    }
