"""What the server is let in by at registries: a login for each, and an authority for all.

The login file is containers-auth.json(5), which `podman login --authfile` writes, and `docker
login` as config.json. Of it a pull is given its own registry's entry and no other, and a build, in
which strangers' steps run, nothing.
"""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from modelyard.compute.containers.building import Access, BuildError

_MAX_BYTES = 1 << 20
_READABLE_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO
#: What clients call Docker Hub in their files.
_DOCKER_HUB = ("docker.io", "index.docker.io", "https://index.docker.io/v1/")


class RegistryAccess:
    """Reads the files of the settings, anew for each pull.

    Args:
        login_file: of `image_registry_login_file`; empty: there is none.
        authority_file: of `image_registry_authority_file`, PEM; empty: the machine's own.
    """

    def __init__(self, login_file: str = "", authority_file: str = "") -> None:
        self._login_file = login_file
        self._authority_file = authority_file

    def of(self, registry: str) -> Access:
        """Return what a pull from a registry is given. Blocking.

        Raises:
            BuildError: a file that the settings name cannot be used.
        """
        authority = ""
        if self._authority_file:
            authority = _read(self._authority_file, "image_registry_authority_file")
        return Access(login=self._login(registry), authority=authority)

    def _login(self, registry: str) -> str:
        if not self._login_file:
            return ""
        setting = "image_registry_login_file"
        text = _read(self._login_file, setting, secret=True)
        try:
            entries: dict[str, Any] = dict(json.loads(text).get("auths") or {})
        except (ValueError, TypeError, AttributeError) as error:
            raise BuildError(
                f"the setting {setting}: {self._login_file} is not as containers-auth.json(5) has "
                "it: make it by `podman login --authfile`"
            ) from error
        names = _DOCKER_HUB if registry in _DOCKER_HUB else (registry,)
        own = {
            key: value
            for key, value in entries.items()
            if key in names or key.startswith(f"{registry}/")
        }
        # The engines know Docker Hub by its short name.
        own = {registry if key in _DOCKER_HUB else key: value for key, value in own.items()}
        return json.dumps({"auths": own}) if own else ""


def _read(name: str, setting: str, *, secret: bool = False) -> str:
    path = Path(name)
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES).decode()
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(f"the setting {setting}: {name} cannot be read: {error}") from error
    if secret and mode & _READABLE_BY_OTHERS:
        raise BuildError(
            f"the setting {setting}: others may read {name}, which holds passwords: chmod 600 it"
        )
    return text
