"""A family whose image is one program of `modelyard.images`, published in one place."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence

from modelyard.compute.images._base import (
    Family,
    Image,
    Purpose,
    Reference,
    Server,
    UnknownImageError,
)
from modelyard.compute.images.registries import accounts_of, registries_of, registry

#: Where images are that only Modelyard has: `modelyard/lightgbm:4`.
OWN_REGISTRY = "modelyard"


def script_mode(framework: str) -> Sequence[str]:
    """Return the program that runs users' scripts under a framework image's contract."""
    return (sys.executable, "-m", "modelyard.images.script_mode", framework)


class BuiltIn(Family):
    """One program, in the versions that clients know it by.

    Args:
        repository: as AWS calls it; the family's name if it is not given.
        registries: of `registries.yaml`; None: it is in `OWN_REGISTRY` only.
        tags: version -> tag, oldest first; an empty tag is none.
        module: the program, `python -m <module>`; empty: jobs bring their own.
        scripts: whether it runs users' scripts in script mode.
        analyses_models: whether its jobs may ask a model.
        needs: what must be importable, and `extra` brings along.
        metric_definitions: returns (metric, regular expression); called when an image is found,
            so that no image's modules are imported ahead of their use.
        hyperparameter_problems: what the program would say of hyperparameters, on so many hosts.
    """

    def __init__(
        self,
        name: str,
        *,
        tags: Mapping[str, str],
        purposes: tuple[Purpose, ...],
        module: str = "",
        scripts: bool = False,
        repository: str = "",
        registries: str | None = None,
        server: Server = "program",
        analyses_models: bool = False,
        needs: Sequence[str] = (),
        extra: str = "",
        metric_definitions: Callable[[], Sequence[tuple[str, str]]] = tuple,
        hyperparameter_problems: Callable[[Mapping[str, str], int], Sequence[str]] | None = None,
    ) -> None:
        self.name = name
        self.purposes = purposes
        self._tags = tags
        self._module = module
        self._scripts = scripts
        self._repository = repository or name
        self._registries = registries
        self._server = server
        self._analyses_models = analyses_models
        self._needs = needs
        self._extra = extra
        self._metric_definitions = metric_definitions
        self._hyperparameter_problems = hyperparameter_problems

    def find(self, reference: Reference) -> Image | None:
        version = self._version(reference)
        if version is None:
            return None
        self.require()
        return Image(
            name=self.name,
            version=version,
            entrypoint=(sys.executable, "-m", self._module) if self._module else (),
            purposes=self.purposes,
            server=self._server,
            analyses_models=self._analyses_models,
            scripts=script_mode(self.name) if self._scripts else (),
            metric_definitions=self._metric_definitions(),
            hyperparameter_problems=self._hyperparameter_problems,
        )

    def retrieve(self, version: str, region: str) -> str:
        if version not in self._tags:
            raise UnknownImageError(
                f"Version {version!r} of {self.name} is not offered: use one of "
                f"{', '.join(self._tags)}"
            )
        tag = self._tags[version]
        return f"{self._registry(region)}/{self._repository}{':' if tag else ''}{tag}"

    @property
    def versions(self) -> Sequence[str]:
        """All versions, oldest first."""
        return tuple(self._tags)

    @property
    def offer(self) -> str:
        versions = [version for version in self._tags if version]
        return f"{self.name} in the versions {', '.join(versions)}" if versions else self.name

    def require(self) -> None:
        """Find out whether the libraries that the program needs are installed.

        Raises:
            UnknownImageError: they are not; the message names the extra that brings them.
        """
        missing = [name for name in self._needs if importlib.util.find_spec(name) is None]
        if missing:
            raise UnknownImageError(
                f"The image {self.name} needs {', '.join(missing)}: install the extra "
                f"{self._extra} (pip install 'modelyard[{self._extra}]')"
            )

    def _version(self, reference: Reference) -> str | None:
        if reference.repository != self._repository or not self._is_home(reference.registry):
            return None
        if reference.digest:
            return None  # the digest is one of AWS's image, which this is not
        return next(
            (version for version, tag in self._tags.items() if reference.tag == tag),
            None,
        )

    def _is_home(self, host: str) -> bool:
        if self._registries is None:
            return host == OWN_REGISTRY
        return host in registries_of(self._registries)

    def _registry(self, region: str) -> str:
        if self._registries is None:
            return OWN_REGISTRY
        accounts = accounts_of(self._registries)
        if region not in accounts:
            raise UnknownImageError(
                f"{self.name} is not published in region {region!r}: use one of "
                f"{', '.join(accounts)}"
            )
        return registry(accounts[region], region)
