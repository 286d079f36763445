"""The policies in force: those that Modelyard ships, and the user's in `<home>/policies/*.cedar`.

The user's files are looked at twice a second, and read anew when one of them changed. All of them
come into force together or not at all: with an error anywhere, what was in force stays. What was
accepted last is kept beside the files, so that this holds across a restart too.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import structlog

from modelyard.home import HomeError, write_whole
from modelyard.identity.policies.library import Library
from modelyard.identity.policies.texts import (
    MAX_FILE_BYTES,
    Policy,
    PolicyError,
    PolicyErrors,
    read_policies,
)

SHIPPED = "shipped/"  # ahead of the names of Modelyard's own files
LOOK_SECONDS = 0.5
MAX_FILES = 1000
_ACCEPTED = ".accepted.json"

Validator = Callable[[Sequence[Policy]], Sequence[PolicyError]]
_Print = tuple[tuple[str, int, int, int], ...]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Edition:
    """Policies that are in force together."""

    library: Library
    generation: int  # grows with each change


class PolicyBook:
    """Gives the edition in force. Safe to use from any thread.

    Args:
        folder: of the user's files; None: there are none.
        validate: checks the user's policies against what the platform knows.
    """

    def __init__(self, folder: Path | None = None, validate: Validator = lambda _: ()) -> None:
        self._folder = folder
        self._validate = validate
        self._edition = Edition(library=Library(shipped_policies()), generation=0)
        self._print: _Print | None = None
        self.problems: tuple[PolicyError, ...] = ()  # of files that are not in force
        self._listeners: list[Callable[[int], None]] = []
        self._looking = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def edition(self) -> Edition:
        return self._edition

    def on_change(self, listener: Callable[[int], None]) -> None:
        """Call `listener` with the new generation after each change; it must return at once."""
        self._listeners.append(listener)

    def load(self) -> None:
        """Bring the user's files into force; with an error, what was accepted last.

        Raises:
            PolicyErrors: there is an error, and nothing was accepted before: to go on without
                the user's policies could let somebody do what they forbid.
        """
        self.look()
        if not self.problems:
            return
        accepted = self._accepted()
        if accepted is None:
            raise PolicyErrors(self.problems)
        self._enforce(self._checked(accepted))

    def look(self) -> bool:
        """Read the files if they changed; return whether other policies came into force."""
        with self._looking:
            seen = self._seen()
            if seen == self._print:
                return False
            try:
                texts = self._texts()
                if self._print is None and not texts and self._accepted() is None:
                    self._print = seen
                    return False
                policies = self._checked(texts)
            except PolicyErrors as errors:
                self._print, self.problems = seen, errors.problems
                for problem in errors.problems:
                    log.error("policy error: the old policies stay in force", problem=str(problem))
                return False
            self._print, self.problems = seen, ()
            self._enforce(policies)
            self._keep(texts)
        return True

    def check(self, texts: Mapping[str, str]) -> tuple[int, Sequence[PolicyError]]:
        """Return how many policies files (by name) hold, and what keeps them from coming into force
        beside the shipped ones."""
        try:
            return len(self._checked(texts)), ()
        except PolicyErrors as errors:
            return 0, errors.problems

    def start(self) -> None:
        """Begin to look at the files, in a thread."""
        self._ended.clear()
        self._thread = threading.Thread(target=self._watch, name="policies", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End looking."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            try:
                self.look()
            except Exception:
                log.exception("policies cannot be read")

    def _enforce(self, policies: Sequence[Policy]) -> None:
        library = Library([*shipped_policies(), *policies])
        self._edition = Edition(library=library, generation=self._edition.generation + 1)
        log.info("policies in force", users=len(policies), generation=self._edition.generation)
        for listener in self._listeners:
            listener(self._edition.generation)

    def _checked(self, texts: Mapping[str, str]) -> list[Policy]:
        found: list[Policy] = []
        problems: list[PolicyError] = []
        for name, text in sorted(texts.items()):
            try:
                found += read_policies(name, text)
            except PolicyErrors as errors:
                problems += errors.problems
        if not problems:
            problems += _of_ids(found)
            problems += self._validate(found)
        if problems:
            raise PolicyErrors(problems)
        return found

    def _files(self) -> list[Path]:
        if self._folder is None:
            return []
        files = sorted(self._folder.glob("*.cedar"))
        return [file for file in files if not file.name.startswith(".")]

    def _seen(self) -> _Print:
        found = []
        for file in self._files():
            try:
                state = file.stat()
            except OSError:
                continue
            found.append((file.name, state.st_mtime_ns, state.st_size, state.st_ino))
        return tuple(found)

    def _texts(self) -> dict[str, str]:
        texts, problems = {}, []
        files = self._files()
        if len(files) > MAX_FILES:
            problems.append(_whole(files[MAX_FILES].name, f"is more than the {MAX_FILES}th file"))
            files = []
        for file in files:
            try:
                content = file.read_bytes()
                if len(content) > MAX_FILE_BYTES:
                    raise ValueError(f"has {len(content)} bytes, more than {MAX_FILE_BYTES}")
                texts[file.name] = content.decode()
            except (OSError, ValueError) as error:
                problems.append(_whole(file.name, f"cannot be read: {error}"))
        if problems:
            raise PolicyErrors(problems)
        return texts

    def _keep(self, texts: Mapping[str, str]) -> None:
        if self._folder is None:
            return
        try:
            write_whole(self._folder / _ACCEPTED, json.dumps(texts).encode())
        except (OSError, HomeError) as error:
            log.error("accepted policies cannot be kept", problem=str(error))

    def _accepted(self) -> dict[str, str] | None:
        if self._folder is None:
            return None
        try:
            kept = json.loads((self._folder / _ACCEPTED).read_bytes())
        except (OSError, ValueError):
            return None
        return {str(name): str(text) for name, text in kept.items()}


@cache
def shipped_policies() -> tuple[Policy, ...]:
    """Return Modelyard's own policies, in the order of their files."""
    folder = resources.files("modelyard.identity.policies").joinpath("shipped")
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".cedar")),
        key=lambda file: file.name,
    )
    return tuple(
        policy for file in files for policy in read_policies(SHIPPED + file.name, file.read_text())
    )


def is_shipped(policy: Policy) -> bool:
    """Return whether a policy is Modelyard's own."""
    return policy.file.startswith(SHIPPED)


def _of_ids(policies: Iterable[Policy]) -> Sequence[PolicyError]:
    try:
        Library([*shipped_policies(), *policies])
    except PolicyErrors as errors:
        return errors.problems
    return ()


def _whole(file: str, problem: str) -> PolicyError:
    return PolicyError(file=file, line=1, column=1, problem=problem)
