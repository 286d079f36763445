"""Where a job runs: in the sandbox, in a container, or on a Ray cluster.

- `sandbox`: a program of this machine, confined.
- `container`: a program of a container image, which sees that image's file system as its own.
- `ray`: a program of the account's Ray cluster.

An account says what is the rule, and a job's tag what it is for that job alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol, get_args

Compute = Literal["sandbox", "container", "ray"]
CHOICES: tuple[Compute, ...] = get_args(Compute)

#: What a job is tagged with to run somewhere else than its account says.
TAG = "modelyard:compute"


class ComputeSettings(Protocol):
    """What an account says of its jobs; `account_settings.AccountSettings` does."""

    @property
    def compute_default(self) -> str:
        """Where its jobs run that say nothing else."""

    @property
    def compute_image(self) -> str:
        """The image whose container its built-in programs run in; empty: there is none."""

    @property
    def compute_ray_address(self) -> str:
        """Where its Ray cluster is; empty: it has none."""


class ComputeChoiceError(ValueError):
    """A job asks to run where there is no such place, or where it cannot run."""


def choose(account: ComputeSettings, tags: Mapping[str, str]) -> Compute:
    """Return where a job runs that has these tags.

    Raises:
        ComputeChoiceError: the tag, or the account, names no such place.
    """
    if TAG in tags:
        return _choice(tags[TAG], f"the tag {TAG}")
    return _choice(account.compute_default, "the account's setting compute.default")


def is_told(tags: Mapping[str, str]) -> bool:
    """Return whether a job itself says where it runs."""
    return TAG in tags


def _choice(text: str, where: str) -> Compute:
    for choice in CHOICES:
        if text == choice:
            return choice
    raise ComputeChoiceError(f"{where} is {text!r}: use one of {', '.join(CHOICES)}")
