"""Becomes a program of a container image: its root is the image's file system, from here on.

    in_image <settings as JSON> <program> <argument>…

It runs in a sandbox that shows the image's file system beside the machine's own, so that what
starts it (a relay, a feeder of streams, a transform) is a program of the machine, and only what it
starts is one of the image. The right to change the root is given up with everything else.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import warnings  # noqa: F401 - os.execvpe imports it, and the image need not have it
from collections.abc import Sequence

from modelyard.compute.launchers import kernel

#: What an image's programs get where it says nothing else; its root cannot be written to.
_DEFAULTS = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/tmp",  # noqa: S108 - each program has one of its own
}
_CANNOT_START = 127


def main(arguments: Sequence[str]) -> int:
    """Enter the image and become the program; return only if that fails.

    The settings hold `root`, the folder that becomes the root; `folder`, where the program starts;
    and `environment`, the image's own, which the variables of this process overlay.
    """
    settings = json.loads(arguments[0])
    argv = list(arguments[1:])
    if not argv:
        sys.stdout.write(
            "the image has neither ENTRYPOINT nor CMD: give the job a ContainerEntrypoint\n"
        )
        return _CANNOT_START
    environment = {**_DEFAULTS, **settings["environment"], **os.environ}
    try:
        os.chroot(settings["root"])
        os.chdir(settings["folder"])
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        kernel.drop_privileges()
        os.execvpe(argv[0], argv, environment)  # noqa: S606 - no shell is the point
    except OSError as error:
        sys.stdout.write(f"cannot start {argv[0]} in the image: {error}\n")
    return _CANNOT_START
