"""Integration tests: requests with the answers that are expected of a deployed endpoint.

Each test is one JSON object in a folder of the assets bucket::

    {"payload": "1.5,0.2", "content_type": "text/csv", "expected": 0.73, "tolerance": 0.01}

`payload` is text, or JSON that is sent as it is. `expected` is compared with the answer: numbers,
in CSV or JSON, by `tolerance` (absolute; 1e-6 unless it is given), all else as it is written.

A test may be a script too, a `*.py`; see `scripts`. The other files of the folder are its data.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from modelyard.orchestrator.delivery.scripts import Script
from modelyard.store.errors import StoreError
from modelyard.store.objects import Objects
from modelyard.store.resources import Json
from modelyard.store.s3_uris import S3Uri

DEFAULT_SECONDS = 300
DEFAULT_TOLERANCE = 1e-6
MAX_CASES = 200
MAX_BYTES = 1 << 20  # of one test
MAX_FOLDER_BYTES = 32 << 20  # of all files together

_REQUEST, _SCRIPT = ".json", ".py"
_TESTS = (_REQUEST, _SCRIPT)
_MEMBERS = ("payload", "content_type", "expected", "tolerance")


@dataclass(frozen=True, kw_only=True)
class TestPlan:
    """Where a pipeline's tests are, and how long all of them may take."""

    __test__ = False  # not a test of pytest's

    prefix: str  # in the assets bucket
    seconds: int = DEFAULT_SECONDS

    @classmethod
    def of(cls, source: Json) -> Self | None:
        """Return the tests of a source, or None where it has none."""
        kept = source.get("tests")
        return None if kept is None else cls(**kept)

    def to_json(self) -> dict[str, Any]:
        """Return it as a source keeps it."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One request, and what is to be answered."""

    name: str
    payload: bytes
    content_type: str
    expected: Any
    tolerance: float = DEFAULT_TOLERANCE

    def problem(self, answer: bytes) -> str | None:
        """Return how an answer differs from what is expected, or None where it does not."""
        try:
            if _equal(_read(answer), self._wanted, self.tolerance):
                return None
        except RecursionError:
            return "the answer is nested too deeply to be compared"
        shown = answer.decode(errors="replace").strip()[:200]
        return f"expected {json.dumps(self.expected)[:200]}, and the answer is {shown}"

    @property
    def _wanted(self) -> Any:
        return _read(self.expected.encode()) if isinstance(self.expected, str) else self.expected


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one test."""

    name: str
    passed: bool
    problem: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Report:
    """What came of all tests, on one endpoint."""

    outcomes: Sequence[Outcome]

    @property
    def passed(self) -> bool:
        return all(outcome.passed for outcome in self.outcomes)

    @property
    def summary(self) -> str:
        """How many passed, in one sentence."""
        passed = sum(outcome.passed for outcome in self.outcomes)
        return f"Integration tests: {passed} of {len(self.outcomes)} passed"

    @property
    def problems(self) -> str:
        """What went wrong, test by test."""
        return "; ".join(
            f"{outcome.name}: {outcome.problem}" for outcome in self.outcomes if not outcome.passed
        )

    def document(self) -> dict[str, Any]:
        """Return it as it is kept in the assets bucket."""
        return {
            "passed": self.passed,
            "summary": self.summary,
            "tests": [asdict(outcome) for outcome in self.outcomes],
        }


class BadTests(ValueError):
    """The folder holds no tests that could be run; the message has all problems."""


def load(objects: Objects, bucket: str, prefix: str) -> list[Case | Script]:
    """Return the tests of a folder, by their names: requests first, then scripts.

    Raises:
        BadTests: with everything that is wrong with them.
    """
    folder = f"{prefix.removesuffix('/')}/"
    uri = S3Uri(bucket, folder)
    try:
        infos = list(objects.list(uri))
    except StoreError as error:
        raise BadTests(str(error)) from error
    sizes = {info.key.removeprefix(folder): info.size for info in infos}
    problems = _folder_problems(uri, sizes)
    files: dict[str, bytes] = {}
    cases: list[Case | Script] = []
    for name in list(sizes)[:MAX_CASES]:
        try:
            files[name] = objects.get(S3Uri(bucket, folder + name), max_bytes=_max_bytes(name))
            if name.endswith(_REQUEST):
                cases.append(_case(name, files[name]))
        except (ValueError, StoreError) as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise BadTests("; ".join(problems))
    data = {name: content for name, content in files.items() if not name.endswith(_TESTS)}
    scripts = [name for name in files if name.endswith(_SCRIPT)]
    return [*cases, *(Script(name=name, source=files[name], data=data) for name in scripts)]


def _folder_problems(uri: S3Uri, sizes: Mapping[str, int]) -> list[str]:
    if not any(name.endswith(_TESTS) for name in sizes):
        return [
            f"there are no tests under {uri}: upload them first, one JSON object each, or a script "
            "*.py"
        ]
    found = []
    if not any(name.endswith(_SCRIPT) for name in sizes):
        found += [
            f"{name}: beside requests with expected answers (*.json) only scripts (*.py) are run, "
            "and only they have data: take it out"
            for name in sizes
            if not name.endswith(_REQUEST)
        ]
    found += [
        f"{name}: a script and its data lie in the folder itself: take it out of its own"
        for name in sizes
        if "/" in name and not name.endswith(_REQUEST)
    ]
    if len(sizes) > MAX_CASES:
        found.append(f"{len(sizes)} files are more than {MAX_CASES}: put several rows in one")
    if sum(sizes.values()) > MAX_FOLDER_BYTES:
        found.append(
            f"{sum(sizes.values())} bytes are more than the {MAX_FOLDER_BYTES} that a folder of "
            "tests may have"
        )
    return found


def _max_bytes(name: str) -> int:
    return MAX_BYTES if name.endswith(_TESTS) else MAX_FOLDER_BYTES


def _case(name: str, data: bytes) -> Case:
    given = json.loads(data)
    if not isinstance(given, dict):
        raise ValueError("must be a JSON object")  # noqa: TRY004 - one of the file's problems
    unknown = sorted(given.keys() - {*_MEMBERS})
    missing = [member for member in ("payload", "expected") if given.get(member) is None]
    if unknown or missing:
        said = [f"{key} is none of {', '.join(_MEMBERS)}" for key in unknown]
        said += [f"{member} is missing" for member in missing]
        raise ValueError(" and ".join(said))
    tolerance = given.get("tolerance", DEFAULT_TOLERANCE)
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or tolerance < 0:
        raise ValueError(f"tolerance {tolerance!r} must be a number from 0 on")
    payload = given["payload"]
    is_text = isinstance(payload, str)
    content_type = given.get("content_type", "text/csv" if is_text else "application/json")
    if not isinstance(content_type, str) or not content_type.isprintable():
        raise ValueError("content_type must be a MIME type such as text/csv")
    return Case(
        name=name.removesuffix(_REQUEST),
        payload=(payload if is_text else json.dumps(payload)).encode(),
        content_type=content_type,
        expected=given["expected"],
        tolerance=float(tolerance),
    )


def _read(answer: bytes) -> Any:
    """Return an answer as JSON, as the rows and columns of CSV, or as text."""
    text = answer.decode(errors="replace").strip()
    try:
        return json.loads(text)
    except ValueError:
        pass  # no JSON: CSV, or some other text
    rows = [[_number(cell) for cell in line.split(",")] for line in text.splitlines()]
    if len(rows) == 1:
        return rows[0][0] if len(rows[0]) == 1 else rows[0]
    return [row[0] if len(row) == 1 else row for row in rows]


def _number(cell: str) -> Any:
    try:
        return float(cell)
    except ValueError:
        return cell.strip()


def _equal(found: Any, wanted: Any, tolerance: float) -> bool:
    """Compare level by level.

    Raises:
        RecursionError: both are nested very deeply.
    """
    if isinstance(wanted, bool) or isinstance(found, bool):
        return found is wanted
    if isinstance(wanted, int | float) and isinstance(found, int | float):
        return math.isclose(found, wanted, rel_tol=0.0, abs_tol=tolerance)
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return wanted.keys() == found.keys() and all(
            _equal(found[key], value, tolerance) for key, value in wanted.items()
        )
    if isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) == len(found) and all(
            _equal(*pair, tolerance) for pair in zip(found, wanted, strict=True)
        )
    return bool(found == wanted)
