"""Rules of the house that no linter knows: they hold for every file there is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import modelyard

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

MAX_LINES = 400
DRAWERS = {"utils", "util", "common", "helpers", "helper", "core", "misc", "base"}

#: What loads code out of data.
UNPICKLERS = {"pickle", "cPickle", "_pickle", "joblib", "cloudpickle", "dill", "shelve", "marshal"}
FORBIDDEN_CALLS = {
    "eval": "runs text as code",
    "exec": "runs text as code",
    "os.system": "lets a shell read the arguments",
    "os.popen": "lets a shell read the arguments",
    "subprocess.getoutput": "lets a shell read the arguments",
    "subprocess.getstatusoutput": "lets a shell read the arguments",
    "tempfile.mktemp": "names a file that another may make first",
    "yaml.load": "makes any object: use yaml.safe_load",
    "yaml.unsafe_load": "makes any object: use yaml.safe_load",
    "yaml.full_load": "makes any object: use yaml.safe_load",
    "shutil.unpack_archive": "unpacks links and devices: use compute.archives",
}
FORBIDDEN_METHODS = {
    "extractall": "unpacks links and devices: use compute.archives",
    "create_subprocess_shell": "lets a shell read the arguments",
}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text()) for path in SOURCES}


def problems_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and the reason of everything in `tree` that the house forbids."""
    safe_loaders = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and "yaml.SafeLoader" in map(ast.unparse, node.bases)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(args=[_, ast.Name(id=loader)]) if loader in safe_loaders:
                continue
            case ast.Assert():
                yield node.lineno, "assert is gone under python -O: raise an error"
            case ast.Import(names=names):
                for name in names:
                    if name.name.partition(".")[0] in UNPICKLERS:
                        yield node.lineno, f"{name.name} loads code out of data"
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in UNPICKLERS:
                yield node.lineno, f"{module} loads code out of data"
            case ast.Call(func=function, keywords=keywords):
                called = ast.unparse(function)
                if called in FORBIDDEN_CALLS:
                    yield node.lineno, f"{called} {FORBIDDEN_CALLS[called]}"
                if isinstance(function, ast.Attribute) and function.attr in FORBIDDEN_METHODS:
                    yield node.lineno, f"{called} {FORBIDDEN_METHODS[function.attr]}"
                for keyword in keywords:
                    if keyword.arg == "shell" and not (
                        isinstance(keyword.value, ast.Constant) and keyword.value.value is False
                    ):
                        yield node.lineno, f"{called} lets a shell read the arguments"


def test_no_source_does_what_the_house_forbids(trees: dict[Path, ast.Module]) -> None:
    found = [
        f"{relative(path)}:{line}: {reason}"
        for path, tree in trees.items()
        for line, reason in problems_of(tree)
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "assert x",
        "import pickle",
        "import joblib.numpy_pickle as j",
        "from pickle import loads",
        "eval('1')",
        "exec(code)",
        "os.system(x)",
        "subprocess.run(x, shell=True)",
        "subprocess.run(x, shell=flag)",
        "asyncio.create_subprocess_shell(x)",
        "loop.create_subprocess_shell(x)",
        "tempfile.mktemp()",
        "yaml.load(text, Loader=yaml.Loader)",
        "class Mine(yaml.Loader): ...\nyaml.load(x, Mine)",
        "tarfile.open(x).extractall()",
        "shutil.unpack_archive(x)",
    ],
)
def test_the_check_finds_each_of_them(code: str) -> None:
    assert len(list(problems_of(ast.parse(code)))) == 1


@pytest.mark.parametrize(
    "code",
    [
        "yaml.safe_load(x)",
        "class Mine(yaml.SafeLoader): ...\nyaml.load(x, Mine)",
        "subprocess.run(x, shell=False)",
        "os.execv(p, a)",
        "raise X",
    ],
)
def test_the_check_leaves_the_rest_alone(code: str) -> None:
    assert list(problems_of(ast.parse(code))) == []


def test_no_module_is_a_drawer() -> None:
    found = [
        relative(path)
        for path in [*SOURCES, *TESTS]
        for part in (*path.relative_to(ROOT).parts[:-1], path.stem)
        if part in DRAWERS
    ]
    assert found == []


def test_no_source_is_too_long_to_read_at_once() -> None:
    lengths = {relative(path): len(path.read_text().splitlines()) for path in SOURCES}
    assert {path: lines for path, lines in lengths.items() if lines > MAX_LINES} == {}


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in TESTS}
    assert [relative(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_the_changelog_begins_with_this_version() -> None:
    heading = re.search(r"^## \[?([^\s\]]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert heading is not None
    assert heading.group(1) == modelyard.__version__


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "src" / "modelyard" / "py.typed").exists()
