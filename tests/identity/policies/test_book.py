from __future__ import annotations

from pathlib import Path

import pytest

from modelyard.identity.policies.book import PolicyBook, shipped_policies
from modelyard.identity.policies.texts import PolicyErrors, read_policies

GOOD = '// Says no.\n@id("mine")\nforbid (principal, action, resource);\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "policies"
    made.mkdir()
    return made


def ids(book: PolicyBook) -> list[str]:
    shipped = {policy.id for policy in shipped_policies()}
    return [policy.id for policy in book.edition.library.policies if policy.id not in shipped]


def test_files_come_into_force_when_they_change(folder: Path) -> None:
    book = PolicyBook(folder)
    book.load()
    generations: list[int] = []
    book.on_change(generations.append)
    assert (ids(book), book.look()) == ([], False)
    (folder / "a.cedar").write_text(GOOD)
    assert (book.look(), ids(book), book.look()) == (True, ["mine"], False)
    (folder / "a.cedar").unlink()
    assert (book.look(), ids(book)) == (True, [])
    assert generations == [1, 2]


def test_an_error_names_its_place_and_the_old_policies_stay(folder: Path) -> None:
    book = PolicyBook(folder)
    (folder / "a.cedar").write_text(GOOD)
    book.load()
    (folder / "b.cedar").write_text("permit (principal,\n  action resource);\npermit (principl);")
    assert not book.look()
    assert [str(problem) for problem in book.problems] == [
        "b.cedar:2:10: unexpected token `resource`",
        "b.cedar:3:9: found an invalid variable in the policy scope: principl",
    ]
    assert ids(book) == ["mine"]


def test_the_old_policies_stay_across_a_restart(folder: Path) -> None:
    (folder / "a.cedar").write_text(GOOD)
    PolicyBook(folder).load()
    (folder / "a.cedar").write_text("nonsense")
    book = PolicyBook(folder)
    book.load()
    assert ids(book) == ["mine"]
    assert book.problems


def test_a_first_start_with_an_error_is_refused(folder: Path) -> None:
    (folder / "a.cedar").write_text("nonsense")
    with pytest.raises(PolicyErrors, match=r"a\.cedar:1:9: unexpected end"):
        PolicyBook(folder).load()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('@id("root") permit (principal, action, resource);', "1:1: the id 'root' is taken"),
        (GOOD + GOOD, "5:1: the id 'mine' is taken"),
        ("permit (principal == ?principal, action, resource);", "1:22: `?` makes this a template"),
        ('@id("x\n', "1:5: invalid token"),
        ("permit (principal, action, resource)", "1:37: unexpected end of input"),
        ("permit (principal, action, resource) when { 1 = 1 };", "1:47: '=' is not a valid"),
        ("/* no */ permit (principal, action, resource);", "1:1: unexpected token `/`"),
    ],
)
def test_what_cannot_come_into_force_says_why(folder: Path, text: str, place: str) -> None:
    number, problems = PolicyBook(folder).check({"a.cedar": text})
    assert number == 0
    assert str(problems[0]).startswith(f"a.cedar:{place}")


def test_a_policy_has_its_comment_and_its_place() -> None:
    first, second = read_policies("f", GOOD + "\npermit (principal, action, resource);")
    assert (first.id, first.comment, first.line, first.effect) == ("mine", "Says no.", 2, "forbid")
    assert (second.id, second.comment, second.line) == ("f#2", "", 5)
