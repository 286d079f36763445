"""What executions are carried out with; one for all of a server's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from modelyard import clock
from modelyard.operations.context import Context
from modelyard.store.objects import Objects
from modelyard.store.resources import Json, Resource, Scope, Snapshot, Store
from modelyard.store.s3_uris import S3Uri


class ProcessingDesk(Protocol):
    """What monitoring needs of processing, which lives on its own floor."""

    def create(self, context: Context, request: Mapping[str, Any], observed: Json) -> None:
        """Create a processing job as its caller would, and keep `observed` in its row.

        Raises:
            OperationError: it cannot be created, or the caller may not.
        """

    def stop(self, context: Context, name: str) -> None:
        """Have a processing job stop.

        Raises:
            OperationError: there is none of that name, or it has ended.
        """

    def problems(self, context: Context, request: Mapping[str, Any]) -> list[str]:
        """Return what stands against a CreateProcessingJob request."""


#: Returns where an endpoint's traffic is captured, of every variant.
#: Raises ValueError, with a sentence: there is no such endpoint, or it captures nothing.
FindCapture = Callable[[Snapshot, Scope, str], S3Uri]


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """The collaborators of every execution."""

    store: Store
    processing: ProcessingDesk
    capture_of: FindCapture
    #: The objects as the role of an execution's definition reads and writes them.
    objects_of: Callable[[Resource], Objects]
    merger: Callable[[str], str]  # by region, the URI of the image that merges labels
    now: Callable[[], datetime] = clock.now
    poll_seconds: float = 2.0  # between two looks, unless something happens
