"""What the built-in algorithms' training jobs have in common, between configuration and fitting."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelyard.images.training import channels as inputs
from modelyard.images.training import log
from modelyard.images.training.channels import Channel, Inputs, Table
from modelyard.images.training.errors import ClientError
from modelyard.images.training.layout import Configuration, Layout
from modelyard.images.training.stopping import StopRequest

if TYPE_CHECKING:
    from modelyard.images.training.readers import Reading


@dataclass(frozen=True, kw_only=True)
class Job:
    """One training job on one host."""

    layout: Layout
    channels: Mapping[str, Channel]
    hyperparameters: Mapping[str, str]
    host: str

    @classmethod
    def begin(cls, layout: Layout, inputs_taken: Inputs) -> Job:
        """Read a job's configuration, and take its requests to stop from now on.

        Raises:
            ClientError: its channels are wrong, or it has several hosts.
        """
        StopRequest().watch()
        limit_threads()
        config = Configuration.read(layout)
        if len(config.hosts) > 1:
            raise ClientError(
                f"InstanceCount={len(config.hosts)}: this algorithm trains on one instance here, "
                f"so take InstanceCount=1"
            )
        return cls(
            layout=layout,
            channels=inputs.channels(config.channels, layout.channel, inputs_taken),
            hyperparameters=config.hyperparameters,
            host=config.current_host,
        )

    def read(self, reading: Callable[[Channel], Reading]) -> dict[str, Table]:
        """Read all channels.

        Args:
            reading: how a channel's files are to be read.

        Raises:
            ClientError: names the file and the place in it that is wrong.
        """
        tables = {}
        for name, channel in self.channels.items():
            table = tables[name] = inputs.read(channel, reading(channel))
            log.info(f"channel '{name}': {table.height} rows of {table.width} features")
        return tables


def limit_threads() -> None:
    """Let libraries use the processors of the job, where they would take the machine's."""
    threads = os.environ.get("SM_NUM_CPUS") or str(len(os.sched_getaffinity(0)))
    for name in ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, threads)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
