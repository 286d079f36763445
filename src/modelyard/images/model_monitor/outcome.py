"""What a finished analysis has to say to the platform and to its reader."""

from __future__ import annotations

from dataclasses import dataclass, field


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
        return " ".join([text, *self.remarks])
