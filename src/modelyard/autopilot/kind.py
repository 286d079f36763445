"""What Autopilot jobs are called, and what their transitions say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: The secondary statuses that the search itself enters, in their order.
PHASES = (
    "AnalyzingData",
    "FeatureEngineering",
    "ModelTuning",
    "MaxCandidatesReached",
    "MaxAutoMLJobRuntimeReached",
    "GeneratingExplainabilityReport",
    "GeneratingModelInsightsReport",
)


@dataclass(frozen=True, kw_only=True)
class AutopilotKind:
    """See `jobs.desk.JobKind`."""

    name: str = "automl-job"
    wording: Mapping[str, str] = field(
        default_factory=lambda: {
            "Starting": "Preparing the Autopilot job",
            "Restarting": "The server was restarted: the Autopilot job goes on",
            "AnalyzingData": "Finding out what the columns are",
            "FeatureEngineering": "Making features",
            "ModelTuning": "Searching for candidates",
            "MaxCandidatesReached": "All candidates were tried",
            "MaxAutoMLJobRuntimeReached": "The time of the search is over",
            "GeneratingExplainabilityReport": "Explaining the best candidate",
            "GeneratingModelInsightsReport": "Measuring the best candidate",
            "CandidateDefinitionsGenerated": "The candidate definitions are written",
            "Stopping": "Stopping the Autopilot job",
            "Completed": "Autopilot job completed",
            "Failed": "Autopilot job failed",
            "Stopped": "Autopilot job stopped",
        }
    )


KIND = AutopilotKind()
