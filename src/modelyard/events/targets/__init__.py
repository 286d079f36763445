"""The kinds of targets that a rule may have."""

from __future__ import annotations

from modelyard.events.targets._base import Needed, Outgoing, TargetKind, Undeliverable

__all__ = ["Needed", "Outgoing", "TargetKind", "Undeliverable"]
