"""What an image is, and what a family of them is: all versions of one program.

For a family nothing is pulled. A built-in image is a program of `modelyard.images`, and every URI
that AWS's clients compute for its counterpart means it, whatever the region and the version's tag.
"""

from __future__ import annotations

import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

#: What an image is asked to do; the public container contract has a form for each.
Purpose = Literal["train", "serve", "process"]

#: Who computes predictions: the gateway in its own workers, or the image's own program, `serve`.
Server = Literal["gateway", "program"]

#: What names a user's script: of training jobs, and of models.
SCRIPT_SETTINGS = ("sagemaker_program", "SAGEMAKER_PROGRAM")

_URI = re.compile(
    r"(?P<registry>[^/]+)/(?P<repository>[^:@]+)(?::(?P<tag>[^:@]+))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True, kw_only=True)
class Image:
    """What an image is: a built-in one's program, or a container's with its own file system."""

    name: str
    version: str
    entrypoint: Sequence[str]  # the program; its argument says what to do
    purposes: tuple[Purpose, ...]
    #: Who serves its models; for images with the purpose "serve".
    server: Server = "program"
    #: The program for scripts that users bring along ("script mode"); empty: it takes none.
    scripts: Sequence[str] = ()
    #: Whether its jobs may ask a model, which then is served beside them.
    analyses_models: bool = False
    #: Metric -> regular expression with one group.
    metric_definitions: Sequence[tuple[str, str]] = ()
    #: What stands against hyperparameters, for a job of so many hosts; None: anything goes.
    hyperparameter_problems: Callable[[Mapping[str, str], int], Sequence[str]] | None = None
    #: The arguments of its program, where a job gives none (a container's CMD).
    command: Sequence[str] = ()
    #: A container's file system; None: its program sees the machine's.
    root: Path | None = None
    #: What starts a program in that file system, ahead of the program's own argument list.
    inside: Sequence[str] = ()
    #: Where it listens when it serves; None: at the socket that it inherits.
    port: int | None = None
    #: The URI that means it for ever, whatever becomes of its tag; empty: it has no digest.
    pinned: str = ""
    #: Of a container's image, as it is kept on this machine; empty: it is not.
    digest: str = ""
    #: Where it is to be pulled from before it can be run; empty: it is on this machine.
    pull: str = ""

    @property
    def train(self) -> list[str]:
        """The argument list that trains."""
        return self.argv((), ["train"])

    @property
    def serve(self) -> list[str]:
        """The argument list that serves."""
        return self.argv((), ["serve"])

    @property
    def has_program(self) -> bool:
        """Whether it has one of its own; a container's may be found by its name, `train`."""
        return bool(self.entrypoint) or self.is_container

    @property
    def is_container(self) -> bool:
        """Whether it has a file system of its own."""
        return self.root is not None or bool(self.pull)

    def argv(self, entrypoint: Sequence[str], arguments: Sequence[str]) -> list[str]:
        """Return the argument list of a program of it: of its own where no entry point is given.

        Raises:
            ValueError: it is still to be pulled, and what it would run is not known.
        """
        if self.pull:
            raise ValueError(f"the image {self.pull} has not been pulled yet")
        if entrypoint:
            return [*self.inside, *entrypoint, *arguments]
        return [*self.inside, *self.entrypoint, *(arguments or self.command)]

    def with_script(self, settings: Mapping[str, str]) -> Image:
        """Return the image that runs the script that settings name, or this one if there is none.

        Args:
            settings: hyperparameters of a training job, environment of a model.
        """
        named = any(settings.get(name) for name in SCRIPT_SETTINGS)
        if not self.scripts or (self.entrypoint and not named):
            return self
        return replace(
            self,
            name=f"{self.name}-script",
            entrypoint=self.scripts,
            server="program",
            hyperparameter_problems=None,  # the script's own say what they may be
        )

    def in_container(self, container: Image) -> Image:
        """Return this built-in image with its programs run by the Python of a container.

        Args:
            container: an image with a `python3` in its path that knows Modelyard.
        """
        return replace(
            self,
            entrypoint=_by_its_python(self.entrypoint),
            scripts=_by_its_python(self.scripts),
            root=container.root,
            inside=container.inside,
            pinned=container.pinned,
        )

    @property
    def processes(self) -> bool:
        """Whether its own program is one for processing jobs, which then need no entry point."""
        # What one says that is still to be pulled is found out when it has been.
        program = bool(self.entrypoint or self.command or self.pull)
        return program and "process" in self.purposes


def _by_its_python(argv: Sequence[str]) -> Sequence[str]:
    return ["python3", *argv[1:]] if argv[:1] == (sys.executable,) else argv


class UnknownImageError(ValueError):
    """No such image is offered; the message names those that are."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A URI in its parts."""

    registry: str
    repository: str
    tag: str  # empty where there is none
    digest: str = ""  # "sha256:…"; empty where there is none

    @classmethod
    def parse(cls, uri: str) -> Reference | None:
        """Return the parts of `uri`; None: it is no image's."""
        match = _URI.fullmatch(uri)
        if match is None:
            return None
        return cls(
            registry=match["registry"],
            repository=match["repository"],
            tag=match["tag"] or "",
            digest=match["digest"] or "",
        )


class Family(ABC):
    """All versions of one program."""

    name: str  # as clients call it: "xgboost"
    purposes: tuple[Purpose, ...]

    @abstractmethod
    def find(self, reference: Reference) -> Image | None:
        """Return the image that `reference` means; None: it is none of this family.

        Raises:
            UnknownImageError: it is, but its libraries are not installed.
        """

    @abstractmethod
    def retrieve(self, version: str, region: str) -> str:
        """Return the URI that clients use, as the sagemaker SDK's `image_uris.retrieve` would.

        Raises:
            UnknownImageError: there is no such version or region.
        """

    @property
    @abstractmethod
    def offer(self) -> str:
        """What is offered: "xgboost in the versions 1, …"."""
