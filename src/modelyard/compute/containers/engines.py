"""Which engine builds and pulls images here: the one that the settings name, or the first there is.

`buildah` and `podman` do both, each as a program of the builder's sandbox. `docker` is a client of
a daemon outside of it, which pulls whatever a Dockerfile names from any registry: so it pulls what
it is told to, and builds nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from modelyard.compute.runtime import RuntimeUnavailableError

#: In the order in which one is looked for.
ENGINES = ("buildah", "podman", "docker")
BUILDERS = ("buildah", "podman")
DOCKER = "docker"
AUTO = "auto"


def engine(setting: str = AUTO, *, builds: bool) -> str:
    """Return the engine that is used.

    Args:
        setting: of `ENGINES`, or "auto" for the first of them that is installed.
        builds: whether it is to build; else it is to pull.

    Raises:
        RuntimeUnavailableError: there is none that does; the message says what to install.
    """
    wanted = ENGINES if setting == AUTO else (setting,)
    installed = [name for name in wanted if shutil.which(name) is not None]
    able = [name for name in installed if name in BUILDERS or not builds]
    if able:
        return able[0]
    if installed:
        raise RuntimeUnavailableError(
            "docker pulls images here, and builds none, since its daemon pulls whatever a "
            "Dockerfile names from any registry, allowed or not: install buildah or podman too "
            "(Debian: apt-get install --no-install-recommends buildah)"
        )
    raise RuntimeUnavailableError(_none(wanted))


def _none(wanted: Sequence[str]) -> str:
    if len(wanted) == 1:
        return (
            f"the engine {wanted[0]}, which the setting image_engine names, is not installed: "
            f"install it (Debian: apt-get install --no-install-recommends {_package(wanted[0])}), "
            'or set image_engine = "auto"'
        )
    return (
        "no engine that builds and pulls container images is installed: install buildah "
        "(Debian: apt-get install buildah), podman (apt-get install podman), or docker, which "
        "only pulls (apt-get install docker.io)"
    )


def _package(name: str) -> str:
    return "docker.io" if name == DOCKER else name
