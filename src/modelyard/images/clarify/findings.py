"""All that a job has found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from modelyard.images.clarify.bias.drift import DriftCheck
from modelyard.images.clarify.bias_question import BiasResult
from modelyard.images.clarify.explain.analysis import Attributions, Curve
from modelyard.images.clarify.explain.drift import Shift
from modelyard.images.clarify.subjects.subject import Subject


@dataclass(kw_only=True)
class Findings:
    """What was found; a job fills it step by step."""

    subject: Subject
    bias: BiasResult | None = None
    shap: Attributions | None = None
    curves: list[Curve] = field(default_factory=list)
    bias_drift: DriftCheck | None = None
    shifts: list[Shift] = field(default_factory=list)  # of the features' ranking, by label
    checked: bool = False  # against a baseline

    @property
    def violations(self) -> list[dict[str, Any]]:
        """The entries of constraint_violations.json."""
        found = [] if self.bias_drift is None else self.bias_drift.violations
        return [
            *(violation.document() for violation in found),
            *(shift.document() for shift in self.shifts if shift.is_violation),
        ]

    @property
    def remarks(self) -> list[str]:
        """What a reader must know beside the result."""
        drift = () if self.bias_drift is None else self.bias_drift.remarks
        shifts = (shift.remark for shift in self.shifts)
        return [*self.subject.remarks, *drift, *filter(None, shifts)]

    @property
    def sentence(self) -> str:
        """The job's ExitMessage: the reference's sentence, and the remarks."""
        count = len(self.violations)
        if count:
            first = f"Job completed successfully with {count} violations."
            text = f"CompletedWithViolations: {first}"
        elif self.checked:
            text = "Completed: Job completed successfully with no violations."
        else:
            text = "Completed: Job completed successfully."
        return " ".join([text, *(f"{remark}." for remark in self.remarks)])
