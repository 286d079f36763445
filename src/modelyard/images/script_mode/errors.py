"""What is wrong with what a user brought along."""

from __future__ import annotations


class ScriptError(Exception):
    """The script cannot be run; the message says why, for its owner."""
