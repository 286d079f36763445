"""The words that several pages share: what a status means, what was done, what personas are."""

from __future__ import annotations

from enum import StrEnum


class Tone(StrEnum):
    """What a status means to whoever looks; each has one colour and one sign."""

    GOOD = "good"
    BUSY = "busy"
    WAITS = "waits"
    WARN = "warn"
    BAD = "bad"
    QUIET = "quiet"


SIGNS = {
    Tone.GOOD: "✓",
    Tone.BUSY: "◐",
    Tone.WAITS: "?",
    Tone.WARN: "!",
    Tone.BAD: "✕",
    Tone.QUIET: "–",
}

_TONES: dict[str, Tone] = {
    **dict.fromkeys(
        ("Completed", "InService", "Approved", "Succeeded", "Active", "Enabled", "Allowed", "OK"),
        Tone.GOOD,
    ),
    **dict.fromkeys(
        (
            "InProgress",
            "Creating",
            "Updating",
            "Deleting",
            "RollingBack",
            "SystemUpdating",
            "Starting",
            "Downloading",
            "Training",
            "Uploading",
            "Pending",
        ),
        Tone.BUSY,
    ),
    **dict.fromkeys(("PendingManualApproval", "PendingReview", "Draft", "Waiting"), Tone.WAITS),
    **dict.fromkeys(
        ("CompletedWithViolations", "Stopping", "InAlert", "Violation", "OutOfService"), Tone.WARN
    ),
    **dict.fromkeys(("Failed", "Rejected", "UpdateRollbackFailed", "Denied"), Tone.BAD),
    **dict.fromkeys(
        (
            "Stopped",
            "Archived",
            "Superseded",
            "Abandoned",
            "Cancelled",
            "Inactive",
            "None",
            "Disabled",
        ),
        Tone.QUIET,
    ),
}

_LABELS = {
    "InProgress": "In progress",
    "InService": "In service",
    "OutOfService": "Out of service",
    "RollingBack": "Rolling back",
    "PendingManualApproval": "Pending approval",
    "PendingReview": "Pending review",
    "CompletedWithViolations": "Violations found",
    "UpdateRollbackFailed": "Rollback failed",
    "InAlert": "In alert",
}

#: What a page says once something was done; by key, so that no link can have it say another thing.
NOTICES = {
    "stopping": "It was told to stop.",
    "updated": "The change is saved.",
    "approved": "Approved. Who decided and why is on record.",
    "rejected": "Rejected. Who decided and why is on record.",
    "commented": "The comment is saved.",
    "retried": "The stage is tried again.",
    "rolled-back": "A rollback has begun.",
    "started": "A new execution has begun.",
    "monitor-started": "The schedule is on.",
    "monitor-stopped": "The schedule is off.",
    "saved": "A new version of the card is saved.",
    "person-added": "The person is added.",
    "personas-set": "The personas are set.",
    "role-taken": "You now act as the role below.",
    "role-left": "You act as yourself again.",
    "exporting": "The card is being printed.",
}

#: What each persona is here for.
PERSONAS = {
    "data-scientist": "trains and evaluates models, and registers versions",
    "ml-engineer": "brings models into production form: pipelines, endpoints, tests",
    "ai-engineer": "builds applications on models that are served",
    "governance-officer": "reviews evidence and decides on versions",
    "data-owner": "answers for data and who may use it",
    "auditor": "reads who did what, and proves that the trail is whole",
    "orchestrator-administrator": "runs the platform: accounts, people, roles, pipelines",
    "pipeline-role": "what CI/CD runs as",
}

#: What a training algorithm measures is better the smaller where its name has one of these.
SMALLER_IS_BETTER = ("loss", "error", "rmse", "mae", "mse", "nloglik", "deviance", "perplexity")


def tone_of(status: str) -> Tone:
    """Return what a status means; one that is not known is quiet."""
    return _TONES.get(status, Tone.QUIET)


def label_of(status: str) -> str:
    """Return how a status reads."""
    return _LABELS.get(status, status)


def count(number: int, noun: str, plural: str = "") -> str:
    """Return `1 job`, `2 jobs`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
