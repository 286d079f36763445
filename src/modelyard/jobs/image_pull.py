"""Images that a job names in a registry elsewhere: pulled ahead of it, once, and pinned.

Nothing of the job has been begun then. What it is to run is looked up once the image is here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from modelyard import clock
from modelyard.compute.runtime import RuntimeUnavailableError
from modelyard.jobs.images import to_pull
from modelyard.jobs.outcome import client_error, internal_error
from modelyard.jobs.patience import Limits, Patience
from modelyard.jobs.progress import Progress, StopRequested
from modelyard.store.resources import Resource

#: Pulls the image of a reference, telling lines, and returns its URI by digest.
Pull = Callable[[str, Callable[[str], None]], Coroutine[Any, Any, str]]
_NO_LIMITS = Limits(max_runtime_seconds=0)  # of the programs, of which there are none yet


class PullError(Exception):
    """The image cannot be pulled; the message is for the job's owner."""


async def pull_images(
    job: Resource,
    progress: Progress,
    wake: asyncio.Event,
    pull: Pull,
    say: Callable[[str], None],
    *,
    poll_seconds: float,
) -> Resource | None:
    """Pull what a job's row says is still to be pulled; return the job as it is then.

    A job that is asked to stop meanwhile is returned as it is, with nothing more pulled. One whose
    image cannot be pulled has failed: None.

    Args:
        say: takes a line for the job's log.

    Raises:
        Superseded: another run has the job.
    """
    for member, reference in list(to_pull(job)):
        try:
            async with Patience(
                job, _NO_LIMITS, progress, wake, poll_seconds=poll_seconds
            ) as patience:
                pinned = await patience.unless_stopped(asyncio.ensure_future(pull(reference, say)))
        except StopRequested:
            return await progress.read()
        except (PullError, RuntimeUnavailableError) as error:
            kind = client_error if isinstance(error, PullError) else internal_error
            reason = kind(f"the image {reference} cannot be pulled: {error}")
            say(reason)
            ended = clock.to_micros(clock.now())
            await progress.finish("Failed", "Failed", ended=ended, failure_reason=reason)
            return None
        job = await progress.note(**{member: pinned})
    return job
