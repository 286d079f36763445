"""A model card's content: its sections as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import htpy as h

from modelyard.console.pieces.links import copyable
from modelyard.console.pieces.metric_groups import metric_group
from modelyard.console.pieces.panels import empty, panel

_EVALUATIONS = "evaluation_details"


def card_content(content: Any) -> h.Node:
    """Return a card's sections, each in a panel; evaluations with their charts."""
    if not isinstance(content, dict) or not content:
        return panel("Card", empty("The card is empty."))
    return [
        *(
            panel(_words(name), _value(value))
            for name, value in content.items()
            if name != _EVALUATIONS
        ),
        *(_evaluation(one) for one in content.get(_EVALUATIONS) or [] if isinstance(one, dict)),
    ]


def _evaluation(evaluation: Mapping[str, Any]) -> h.Node:
    told = {name: value for name, value in evaluation.items() if name != "metric_groups"}
    return panel(
        f"Evaluation: {evaluation.get('name', '')}",
        _value({name: value for name, value in told.items() if name != "name"}),
        [metric_group(group) for group in evaluation.get("metric_groups") or []],
    )


def _value(value: Any) -> h.Node:
    match value:
        case dict():
            return h.dl(".facts.told")[
                [
                    h.div[h.dt[_words(name)], h.dd[_value(inner)]]
                    for name, inner in value.items()
                    if inner not in (None, "", [], {})
                ]
            ]
        case list():
            return h.ul[[h.li[_value(inner)] for inner in value]]
        case str() if value.startswith("s3://"):
            return copyable(value)
    return str(value)


def _words(name: str) -> str:
    plain = name.replace("_", " ")
    return plain[:1].upper() + plain[1:]
