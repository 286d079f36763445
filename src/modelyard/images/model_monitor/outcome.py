"""What a finished analysis has to say to the platform and to its reader."""

from __future__ import annotations

from dataclasses import dataclass, field

_MESSAGE_BYTES = 1024  # what the platform reads of the message


@dataclass(kw_only=True)
class Outcome:
    """The result in words."""

    violations: int | None  # None: nothing was checked
    remarks: list[str] = field(default_factory=list)

    @property
    def message(self) -> str:
        """The job's ExitMessage: the reference's sentence, and what else there is to know."""
        if self.violations:
            first = f"Job completed successfully with {self.violations} violations."
            text = f"CompletedWithViolations: {first}"
        elif self.violations is None:
            text = "Completed: Job completed successfully."
        else:
            text = "Completed: Job completed successfully with no violations."
        return shortened(" ".join([text, *self.remarks]))


def shortened(text: str) -> str:
    """Return as much of a text as the platform reads of a message."""
    return text.encode()[:_MESSAGE_BYTES].decode(errors="ignore")
