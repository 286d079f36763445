"""The image's entry point: `python -m modelyard.images.clarify`."""

from __future__ import annotations

import os
import sys

from modelyard.images.clarify.settings import Settings
from modelyard.images.processing.ending import carry_out
from modelyard.images.processing.layout import Layout


def main() -> int:
    """Run the job, and return the exit code."""
    layout = Layout.from_environment(os.environ)
    # Polars takes all processors of the machine by default, not those that the job may use.
    os.environ.setdefault("POLARS_MAX_THREADS", str(len(os.sched_getaffinity(0))))

    def work() -> str:
        settings = Settings.read(os.environ, layout)
        from modelyard.images.clarify import job

        return job.run(settings, layout)

    return carry_out(work, layout)


if __name__ == "__main__":
    sys.exit(main())
