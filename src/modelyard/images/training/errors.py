"""The two kinds of failure of the container contract: theirs and ours."""

from __future__ import annotations


class ClientError(Exception):
    """What the job's owner can put right: data, hyperparameters, channels."""


class AlgorithmError(Exception):
    """What the job's owner cannot put right."""
