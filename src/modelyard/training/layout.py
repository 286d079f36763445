"""Where a training job's files lie while it runs.

::

    <jobs>/<account>/<region>/training-job/<name>/
        algo-1/           what the first host sees as /opt/ml, writable
            input/config/ hyperparameters.json, …
            input/data/   where its channels are mounted
            model/  output/data/  checkpoints/
        staged/algo-1/train/  the files of a channel, mounted read-only
        aside/            what is on its way into the others

Nothing here outlives the job but its checkpoints, which a run after a crash finds again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from modelyard.compute.job_files import remove_links, remove_tree
from modelyard.store.resources import Resource


class JobFolder:
    """The files of one job.

    Args:
        jobs: `<home>/jobs`.
    """

    def __init__(self, jobs: Path, job: Resource) -> None:
        parts = [job.scope.account, job.scope.region, job.kind, job.name]
        self.path = jobs.joinpath(*(quote(part, safe="").replace(".", "%2E") for part in parts))

    @property
    def aside(self) -> Path:
        """A folder for what is being written, which no host sees."""
        return self.path / "aside"

    def base(self, host: str) -> Path:
        """What the host sees as /opt/ml."""
        return self.path / host

    def staged(self, host: str, channel: str) -> Path:
        """The files of a channel for a host."""
        return self.path / "staged" / host / channel

    def prepare(self, hosts: Sequence[str], channels: Sequence[str], *, kept: str) -> None:
        """Make the folders anew; of an earlier run only the folder `kept` of each host stays."""
        remove_tree(self.path / "staged")
        remove_tree(self.aside)
        for host in hosts:
            base = self.base(host)
            if base.is_dir():
                for entry in base.iterdir():
                    if entry.name != kept or entry.is_symlink() or not entry.is_dir():
                        remove_tree(entry)
                remove_links(base, kept)
            for folder in (kept, "model", "output/data", "input/config"):
                (base / folder).mkdir(parents=True, exist_ok=True)
            for channel in channels:
                (base / "input" / "data" / channel).mkdir(parents=True)
                self.staged(host, channel).mkdir(parents=True)

    def remove(self) -> None:
        """Remove all of it."""
        remove_tree(self.path)
