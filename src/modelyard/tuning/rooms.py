"""What tuning jobs are run with; one for all of a server's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from modelyard.compute.images import Image
from modelyard.store.resources import Store
from modelyard.tuning.trial_jobs import TrainingDesk, TrialJobs


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """The collaborators of every run."""

    store: Store
    trials: TrialJobs
    training: TrainingDesk
    image_of: Callable[[str], Image]  # raises ValueError for a URI that means none
    poll_seconds: float = 1.0  # between two looks, unless something happens
