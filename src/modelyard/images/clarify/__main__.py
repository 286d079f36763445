"""The image's entry point: `python -m modelyard.images.clarify`."""

from __future__ import annotations

import os
import sys
import traceback

from modelyard.images.clarify import log
from modelyard.images.clarify.errors import ClientError, NoDataError
from modelyard.images.clarify.files import write_whole
from modelyard.images.clarify.layout import Layout
from modelyard.images.clarify.settings import Settings

NO_DATA_EXIT_CODE = 3
_MESSAGE_BYTES = 1024  # what the platform reads of the message


def main() -> int:
    """Run the job, and return the exit code."""
    layout = Layout.from_environment()
    # Polars takes all processors of the machine by default, not those that the job may use.
    os.environ.setdefault("POLARS_MAX_THREADS", str(len(os.sched_getaffinity(0))))
    try:
        settings = Settings.read(os.environ, layout)
        from modelyard.images.clarify import job

        return _ended(layout, job.run(settings, layout), 0)
    except NoDataError as error:
        return _ended(layout, f"Error: {error}", NO_DATA_EXIT_CODE)
    except ClientError as error:
        return _ended(layout, f"Error: {error}", 1)
    except Exception as error:  # whatever it is, the job's owner is to read of it
        traceback.print_exc(file=sys.stdout)
        return _ended(layout, f"Error: {type(error).__name__}: {error}", 1)


def _ended(layout: Layout, message: str, code: int) -> int:
    text = " ".join(message.split())
    (log.error if code else log.info)(text)
    try:
        shortened = text.encode()[:_MESSAGE_BYTES].decode(errors="ignore")
        write_whole(layout.message, shortened.encode())
    except OSError as fault:
        log.error(f"the message file cannot be written: {fault}")
        return code or 1
    return code


if __name__ == "__main__":
    sys.exit(main())
