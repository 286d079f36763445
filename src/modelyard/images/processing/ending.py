"""How a job ends: its exit code, and the message that its owner reads."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable

from modelyard.images.processing import log
from modelyard.images.processing.errors import ClientError, NoDataError
from modelyard.images.processing.files import write_whole
from modelyard.images.processing.layout import Layout

NO_DATA_EXIT_CODE = 3
#: What the platform shows of the message.
MESSAGE_BYTES = 1024


def carry_out(work: Callable[[], str], layout: Layout) -> int:
    """Do a job's work, and return its exit code.

    Args:
        work: does it, and returns the message of a job that has a result.
        layout: where the message goes.
    """
    try:
        return _ended(layout, work(), 0)
    except NoDataError as error:
        return _ended(layout, f"Error: {error}", NO_DATA_EXIT_CODE)
    except ClientError as error:
        return _ended(layout, f"Error: {error}", 1)
    except Exception as error:  # whatever it is, the job's owner is to read of it
        traceback.print_exc(file=sys.stdout)
        return _ended(layout, f"Error: {type(error).__name__}: {error}", 1)


def shortened(text: str) -> str:
    """Return as much of a text as the platform shows of a message."""
    return text.encode()[:MESSAGE_BYTES].decode(errors="ignore")


def _ended(layout: Layout, message: str, code: int) -> int:
    text = " ".join(message.split())
    (log.error if code else log.info)(text)
    try:
        write_whole(layout.message, shortened(text).encode())
    except OSError as fault:
        log.error(f"the message file cannot be written: {fault}")
        return code or 1
    return code
