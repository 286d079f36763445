"""Policy files: cut into policies, each with its id, its comment and its place.

Cedar's parser says what is wrong but not where. The place is found by asking it about the file's
beginnings: a beginning that could still become a policy "ends unexpectedly", so the first token
behind which it says anything else is the one that is wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cedarpy import PolicySet, policies_to_json_str

MAX_FILE_BYTES = 1_000_000

_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<comment>//[^\n]*)|(?P<text>"(?:[^"\\\n]|\\.)*")"""
    r"""|(?P<word>\w+)|(?P<sign>==|!=|<=|>=|&&|\|\||::|.)""",
    re.DOTALL | re.VERBOSE,
)
_UNFINISHED = "unexpected end of input"


@dataclass(frozen=True, kw_only=True)
class PolicyError:
    """What is wrong with a policy, and where: lines and columns begin at 1."""

    file: str
    line: int
    column: int
    problem: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.problem}"


class PolicyErrors(ValueError):
    """Policy files that cannot be used; all problems at once."""

    def __init__(self, problems: Sequence[PolicyError]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One policy as it stands in its file."""

    id: str  # its @id, else `<file>#<number>`
    effect: str  # "permit" or "forbid"
    comment: str  # the lines that begin with // above it
    text: str
    file: str
    line: int
    column: int
    body: Mapping[str, Any]  # Cedar's JSON form

    def place_of(self, message: str) -> tuple[int, int]:
        """Return line and column of what `message` puts in backticks, else of the policy itself."""
        tokens = _tokens(self.text)
        for named in re.findall(r"`([^`]+)`", message):
            wanted = [token.text for token in _tokens(named)][-1:]
            for token in tokens:
                if [token.text] == wanted and token.text != self.effect:
                    return _place(self.text, token.start, self.line, self.column)
        return self.line, self.column


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def read_policies(file: str, content: str) -> list[Policy]:
    """Return the policies of a file, in their order.

    Raises:
        PolicyErrors: it is not Cedar, or holds a template (`?principal`), which nothing would fill.
    """
    found: list[Policy] = []
    problems: list[PolicyError] = []
    for number, tokens in enumerate(_statements(content)):
        first, last = tokens[0], tokens[-1]
        text = content[first.start : last.end]
        line, column = _place(content, first.start)
        try:
            body, effect = _body(text)
        except ValueError as error:
            offset = _culprit(text, _tokens(text), str(error))
            where = _place(text, offset, line, column)
            problems.append(
                PolicyError(file=file, line=where[0], column=where[1], problem=str(error))
            )
            continue
        annotations = body.get("annotations", {})
        found.append(
            Policy(
                id=annotations.get("id") or f"{file}#{number + 1}",
                effect=effect,
                comment=_comment_above(content, first.start),
                text=text,
                file=file,
                line=line,
                column=column,
                body=body,
            )
        )
    if problems:
        raise PolicyErrors(problems)
    return found


def _body(text: str) -> tuple[Mapping[str, Any], str]:
    parsed = json.loads(policies_to_json_str(_checked(text)))
    if parsed["templates"]:
        raise ValueError("`?` makes this a template, which is not offered: name who it is about")
    (body,) = parsed["staticPolicies"].values()
    return body, body["effect"]


def _checked(text: str) -> str:
    PolicySet.from_str(text)
    return text


def _statements(content: str) -> list[list[_Token]]:
    """Return the tokens of each policy, up to its semicolon; the last may have none."""
    statements: list[list[_Token]] = [[]]
    for token in _tokens(content):
        statements[-1].append(token)
        if token.text == ";":
            statements.append([])
    return [tokens for tokens in statements if tokens]


def _tokens(content: str) -> list[_Token]:
    """Return what is neither space nor comment; a text that never ends is a token of its quote."""
    return [
        _Token(str(match.lastgroup), match.group(), match.start())
        for match in _TOKEN.finditer(content)
        if match.lastgroup not in {"space", "comment"}
    ]


def _culprit(text: str, tokens: Sequence[_Token], message: str) -> int:
    """Return the offset of the token that is wrong."""
    low, high = 0, len(tokens)  # the first `low` tokens may go on; the first `high` are wrong
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _may_go_on(text[: tokens[middle - 1].end]) else (low, middle)
    wrong = tokens[high - 1]
    if high < len(tokens) or not tokens:
        return wrong.start
    # The whole is well-formed but makes no sense: the message names what does not.
    parts = re.split(r"[`':]", message)
    named = {word.text for part in parts for word in _tokens(part.strip())[-1:]}
    for token in tokens:
        if token.text in named and token.kind in {"word", "sign"} and token.start > 0:
            return token.start
    return wrong.end if message == _UNFINISHED else tokens[0].start


def _may_go_on(beginning: str) -> bool:
    try:
        PolicySet.from_str(beginning)
    except ValueError as error:
        return str(error) == _UNFINISHED
    return True


def _comment_above(content: str, offset: int) -> str:
    lines: list[str] = []
    for line in reversed(content[:offset].split("\n")[:-1]):
        if not line.strip().startswith("//"):
            break
        lines.insert(0, line.strip().removeprefix("//").strip())
    return " ".join(lines)


def _place(text: str, offset: int, line: int = 1, column: int = 1) -> tuple[int, int]:
    """Return line and column of `offset` in a text that itself begins at `line` and `column`."""
    before = text[:offset]
    lines = before.count("\n")
    if not lines:
        return line, column + offset
    return line + lines, offset - before.rindex("\n")
