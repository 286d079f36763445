"""Templates as YAML: plain data, with the short tags (`!Ref x`) spelt out (`{"Ref": "x"}`).

Of YAML only what JSON has is read: strings, numbers, true and false, null, lists and maps. So a
version that looks like a date stays text and `no` stays a word. A key that comes twice is an error
(the first would be lost without a word), and so is an alias (a few lines of them can name billions
of nodes).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml

from modelyard.orchestrator.stacks.errors import TemplateError

#: Short tags whose long form has no `Fn::` ahead of it.
_BARE = ("Ref", "Condition")

_FUNCTIONS = (
    "Ref",
    "Condition",
    "And",
    "Equals",
    "GetAtt",
    "If",
    "Join",
    "Not",
    "Or",
    "Select",
    "Split",
    "Sub",
)

_SCALARS = {
    "tag:yaml.org,2002:bool": (re.compile(r"true|false"), "tf"),
    "tag:yaml.org,2002:int": (re.compile(r"[-+]?(0|[1-9][0-9]*)"), "-+0123456789"),
    "tag:yaml.org,2002:float": (
        re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]+([eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)"),
        "-+0123456789",
    ),
    "tag:yaml.org,2002:null": (re.compile(r"~|null|"), ["~", "n", ""]),
}


class TemplateLoader(yaml.SafeLoader):
    """A SafeLoader that knows the short tags, and less of YAML's surprises."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            line = self.line + 1
            raise TemplateError([f"line {line}: YAML aliases are not offered: write it out"])
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            where = f"line {key_node.start_mark.line + 1}"
            if not isinstance(key, str | int):
                raise TemplateError([f"{where}: the key {key!r} is not a name"])
            if key in seen:
                raise TemplateError([f"{where}: the key {key!r} comes twice: give it once"])
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def _short_tag(function: str) -> Callable[[TemplateLoader, yaml.Node], dict[str, Any]]:
    name = function if function in _BARE else f"Fn::{function}"

    def construct(loader: TemplateLoader, node: yaml.Node) -> dict[str, Any]:
        value: Any = None
        if isinstance(node, yaml.ScalarNode):
            value = loader.construct_scalar(node)
            if function == "GetAtt":
                value = value.split(".", 1)
        elif isinstance(node, yaml.SequenceNode):
            value = loader.construct_sequence(node, deep=True)
        elif isinstance(node, yaml.MappingNode):
            value = loader.construct_mapping(node, deep=True)
        return {name: value}

    return construct


for _function in _FUNCTIONS:
    TemplateLoader.add_constructor(f"!{_function}", _short_tag(_function))
# Not the parent's: only what JSON has is anything but text.
TemplateLoader.yaml_implicit_resolvers = {}
for _tag, (_pattern, _first) in _SCALARS.items():
    TemplateLoader.add_implicit_resolver(
        _tag, re.compile(rf"^(?:{_pattern.pattern})$"), list(_first)
    )


def read_yaml(text: str) -> dict[str, Any]:
    """Return a template's YAML (or JSON) as plain data.

    Raises:
        TemplateError: it is not YAML, is no map, or uses what is not offered.
    """
    try:
        data = yaml.load(text, TemplateLoader)  # noqa: S506 - TemplateLoader is a SafeLoader
    except yaml.YAMLError as error:
        raise TemplateError([f"the template is not YAML: {error}"]) from error
    except RecursionError as error:
        raise TemplateError(["the template is nested too deeply"]) from error
    if not isinstance(data, dict):
        raise TemplateError(["the template is not a map: it begins with Resources"])
    return data
