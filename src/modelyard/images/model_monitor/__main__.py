"""The image's entry point: `python -m modelyard.images.model_monitor`."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping

from modelyard.images.model_monitor import log
from modelyard.images.model_monitor.errors import ClientError, NoDataError
from modelyard.images.model_monitor.files import write_whole
from modelyard.images.model_monitor.layout import Layout
from modelyard.images.model_monitor.outcome import Outcome, shortened
from modelyard.images.model_monitor.settings import MERGE, MODEL_QUALITY, Settings

NO_DATA_EXIT_CODE = 3


def main(environment: Mapping[str, str]) -> int:
    """Run the job that the environment describes, and return the exit code."""
    layout = Layout.from_environment(environment)
    try:
        settings = Settings.read(environment, layout)
        outcome = run(settings, layout)
        if settings.post_analytics is not None:
            from modelyard.images.model_monitor.scripts import post_process

            post_process(settings.post_analytics)
    except NoDataError as error:
        return _ended(layout, f"Error: {error}", NO_DATA_EXIT_CODE)
    except ClientError as error:
        return _ended(layout, f"Error: {error}", 1)
    except Exception as error:  # whatever it is, the job's owner is to read of it
        traceback.print_exc(file=sys.stdout)
        return _ended(layout, f"Error: {type(error).__name__}: {error}", 1)
    return _ended(layout, outcome.message, 0)


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


def _ended(layout: Layout, message: str, code: int) -> int:
    text = " ".join(message.split())
    (log.error if code else log.info)(text)
    try:
        write_whole(layout.message, shortened(text).encode())
    except OSError as fault:
        log.error(f"the message file cannot be written: {fault}")
        return code or 1
    return code


if __name__ == "__main__":
    sys.exit(main(os.environ))
