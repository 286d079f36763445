"""The image's entry point: `python -m modelyard.images.model_monitor`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from modelyard.images.model_monitor.outcome import Outcome
from modelyard.images.model_monitor.settings import MERGE, MODEL_QUALITY, Settings
from modelyard.images.processing.ending import carry_out
from modelyard.images.processing.layout import Layout


def main(environment: Mapping[str, str]) -> int:
    """Run the job that the environment describes, and return the exit code."""
    layout = Layout.from_environment(environment)

    def work() -> str:
        settings = Settings.read(environment, layout)
        outcome = run(settings, layout)
        if settings.post_analytics is not None:
            from modelyard.images.model_monitor.scripts import post_process

            post_process(settings.post_analytics)
        return outcome.message

    return carry_out(work, layout)


def run(settings: Settings, layout: Layout) -> Outcome:
    """Run the analysis that the settings ask for."""
    # Polars takes all processors of the machine by default, not those that the job may use.
    os.environ.setdefault("POLARS_MAX_THREADS", str(len(os.sched_getaffinity(0))))
    if settings.analysis == MERGE:
        from modelyard.images.model_monitor import merging

        return merging.run(settings)
    if settings.analysis == MODEL_QUALITY:
        from modelyard.images.model_monitor.model_quality import analysis as model_quality

        return model_quality.analyse(settings, layout)
    from modelyard.images.model_monitor.data_quality import analysis as data_quality

    return data_quality.analyse(settings, layout)


if __name__ == "__main__":
    sys.exit(main(os.environ))
