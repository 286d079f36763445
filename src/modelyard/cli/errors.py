"""What a command ends with when it cannot do its work."""

from __future__ import annotations


class CommandError(Exception):
    """The command failed; the message is all that the user needs to see."""
