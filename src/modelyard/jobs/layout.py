"""Where a job's files lie while it runs.

::

    <jobs>/<account>/<region>/<kind>/<name>/
        algo-1/           what the first host sees as /opt/ml, writable
            input/data/   where a training job's channels are mounted
            model/  output/data/  checkpoints/  …
        staged/algo-1/input/data/train/  what is mounted there, read-only
        aside/            what is on its way into the others
        predictor/        the model that is served beside the job, where it asks one
        temporary/algo-1/ the /tmp of a private job's host

A private job, of which nothing may reach a disk in clear, lies in memory instead of <home>/jobs
(`compute.memory`).

Nothing here outlives the job; a folder that is to be kept, as checkpoints are, is found again by a
run after a crash.
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
        jobs: `<home>/jobs`, or a folder in memory.
        private: whether that is in memory.
    """

    def __init__(self, jobs: Path, job: Resource, *, private: bool = False) -> None:
        self.private = private
        self.path = path_of(jobs, job)

    @property
    def aside(self) -> Path:
        """A folder for what is being written, which no host sees."""
        return self.path / "aside"

    @property
    def predictor(self) -> Path:
        """A folder for the model that is served beside the job: its files, its programs'."""
        return self.path / "predictor"

    def base(self, host: str) -> Path:
        """What the host sees as /opt/ml."""
        return self.path / host

    def staged(self, host: str, mount: str) -> Path:
        """The files that a host sees below /opt/ml/<mount>."""
        return self.path / "staged" / host / mount

    def temporary(self, host: str) -> Path | None:
        """Where a host's temporary files go; None: where the runtime keeps them."""
        return self.path / "temporary" / host if self.private else None

    def exists(self) -> bool:
        """Return whether there is anything of the job."""
        return self.path.is_dir()

    def prepare(
        self, hosts: Sequence[str], *, folders: Sequence[str], mounts: Sequence[str], kept: str = ""
    ) -> None:
        """Make each host's folders anew, and those that are mounted into them.

        Args:
            kept: the one folder of each host that stays, of an earlier run.
        """
        remove_tree(self.path / "staged")
        remove_tree(self.aside)
        remove_tree(self.predictor)
        for host in hosts:
            base = self.base(host)
            if base.is_dir():
                for entry in base.iterdir():
                    if entry.name != kept or entry.is_symlink() or not entry.is_dir():
                        remove_tree(entry)
                if kept:
                    remove_links(base, kept)
            for folder in (kept, *folders):
                (base / folder).mkdir(parents=True, exist_ok=True)
            for mount in mounts:
                (base / mount).mkdir(parents=True, exist_ok=True)
                self.staged(host, mount).mkdir(parents=True)

    def remove(self) -> None:
        """Remove all of it."""
        remove_tree(self.path)


def path_of(root: Path, job: Resource) -> Path:
    """Return `<root>/<account>/<region>/<kind>/<name>`, quoted so that no name can leave `root`."""
    parts = [job.scope.account, job.scope.region, job.kind, job.name]
    return root.joinpath(*(quote(part, safe="").replace(".", "%2E") for part in parts))
