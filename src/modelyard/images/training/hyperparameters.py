"""Hyperparameters are strings: values out of them, or all that is wrong with them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from modelyard.images.training.errors import ClientError
from modelyard.images.training.values import Kind


def parse(
    texts: Mapping[str, str],
    kinds: Mapping[str, Kind],
    aliases: Mapping[str, str] | None = None,
) -> tuple[dict[str, Any], list[str]]:
    """Return the values that are right, and a sentence for each that is wrong.

    Args:
        texts: the strings of hyperparameters.json.
        kinds: what each hyperparameter of the image may be.
        aliases: other names, and what they stand for.
    """
    aliases = aliases or {}
    given: dict[str, Any] = {}
    problems: list[str] = []
    for written, text in texts.items():
        name = aliases.get(written, written)
        if name not in kinds:
            problems.append(_unknown(written, text, [*kinds, *aliases]))
        elif name != written and name in texts:
            problems.append(
                f"{written}={text} says the same as {name}={texts[name]}: leave one out"
            )
        else:
            try:
                given[name] = kinds[name].parse(text.strip())
            except ValueError as error:
                problems.append(f"{written}={text} {error}")
    return given, problems


def missing(texts: Mapping[str, str], required: Mapping[str, str]) -> list[str]:
    """Return a sentence for each hyperparameter that is required, and not given.

    Args:
        texts: the strings of hyperparameters.json.
        required: name -> what it says.
    """
    return [f"{name} is required: {what}" for name, what in required.items() if name not in texts]


def refuse(problems: Sequence[str]) -> None:
    """Refuse what is wrong, if anything is.

    Raises:
        ClientError: says all of it.
    """
    if problems:
        count = f"{len(problems)} hyperparameter{'s are' if len(problems) > 1 else ' is'} wrong"
        raise ClientError(f"{count}: {'; '.join(problems)}")


def _unknown(name: str, text: str, known: Sequence[str]) -> str:
    if name.startswith("sagemaker_"):
        return f"{name}={text} asks for script mode: the built-in image runs no scripts"
    near = difflib.get_close_matches(name, known, n=1)
    hint = f": did you mean {near[0]}?" if near else ""
    return f"{name}={text} is not a hyperparameter of this image{hint}"
