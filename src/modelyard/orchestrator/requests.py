"""A request to provision, read as a whole: what it asks for, or all that is wrong with it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelyard.orchestrator.blueprints import (
    PIPELINE_TYPES,
    Attribute,
    PipelineType,
    Place,
    Problem,
)
from modelyard.orchestrator.blueprints._registered_model import PACKAGE
from modelyard.orchestrator.card_requests import CARD_TYPES
from modelyard.orchestrator.errors import MISSING, UNSUPPORTED_TYPE, BadRequest
from modelyard.orchestrator.stacks.evaluation import parameter_problems
from modelyard.orchestrator.stacks.reading import load
from modelyard.orchestrator.stacks.template import DeclaredType, Template
from modelyard.orchestrator.stage_values import IN_ONE_ACCOUNT, bodies_of
from modelyard.orchestrator.tags import ATTRIBUTE as TAGS
from modelyard.orchestrator.tags import read_tags, with_tags
from modelyard.store import documents

_NO_TEXT = "leave NUL and halves of surrogate pairs out"
_STAGES = frozenset({"dev", "staging", "prod"})


@dataclass(frozen=True, kw_only=True)
class StageRequest:
    """What a request asks of one stage."""

    parameters: Mapping[str, str]
    #: By the parameter that names it, the key of each object that the stage's account needs.
    assets: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class ProvisionRequest:
    """A request that is right in itself."""

    kind: PipelineType
    named_after: str  # the model's name, or what stands for it
    template: Template
    tags: Mapping[str, str]  # what its resources have beside their own
    values: Mapping[str, str]  # by attribute, those of the first stage
    stages: Mapping[str, StageRequest]  # by stage; "" is the only one, where there is one account

    @property
    def parameters(self) -> Mapping[str, str]:
        """The blueprint's parameters in the first stage."""
        return next(iter(self.stages.values())).parameters


def read_request(
    body: Mapping[str, Any],
    place: Place,
    types: Mapping[str, DeclaredType],
    stages: Mapping[str, Place] | None = None,
) -> ProvisionRequest:
    """Return what a request asks for.

    Args:
        place: of the orchestrator's own account.
        stages: where each stage is, where there are several accounts.

    Raises:
        BadRequest: with all its problems. Missing attributes come first, in the API's order.
    """
    kind = pipeline_type_of(body.get("pipeline_type"))
    problems: list[Problem] = []
    tags = _tags(body.get(TAGS), problems)
    body = {key: value for key, value in body.items() if key != TAGS}
    template = load(with_tags(kind.source, tags), {**types, **kind.own_types})
    places = stages if stages and kind.name not in IN_ONE_ACCOUNT else {"": place}
    bodies = bodies_of(kind, body, tuple(places), problems) if len(places) > 1 else {"": dict(body)}
    readings: dict[str, _Reading] = {}
    found: dict[str, StageRequest] = {}
    for stage, where in places.items():
        reading = readings[stage] = _Reading(kind, bodies[stage], where)
        parameters = reading.parameters(template, where)
        found[stage] = StageRequest(parameters=parameters, assets=reading.assets)
    sentences = _sentences(readings, problems)
    if sentences:
        raise BadRequest(sentences)
    values = next(iter(readings.values())).values
    return ProvisionRequest(
        kind=kind,
        named_after=values[kind.named_after],
        template=template,
        tags=tags,
        values=values,
        stages=found,
    )


def _tags(value: object, problems: list[Problem]) -> dict[str, str]:
    try:
        return read_tags(value)
    except ValueError as error:
        problems.append(Problem(attribute=TAGS, text=str(error)))
        return {}


def _sentences(readings: Mapping[str, _Reading], problems: Sequence[Problem]) -> list[str]:
    """Return what is wrong, the first of it worded as clients know it.

    What is wrong in every stage is said once; what is not, with the stages that it is wrong in.
    """
    missing, wrong = _by_text(readings, lambda one: one.missing), [str(one) for one in problems]
    wrong += _by_text(readings, lambda one: one.problems)
    if wrong and not missing:
        wrong[0] = f"Bad request. {wrong[0]}"
    return [*missing, *wrong]


def _by_text(
    readings: Mapping[str, _Reading], said: Callable[[_Reading], Sequence[str]]
) -> list[str]:
    stages: dict[str, list[str]] = {}
    for stage, reading in readings.items():
        for text in said(reading):
            stages.setdefault(text, []).append(stage)
    return [
        text if len(named) == len(readings) else f"{text} (in the stage {' and '.join(named)})"
        for text, named in stages.items()
    ]


def pipeline_type_of(name: object) -> PipelineType:
    """Return the type of that name, whatever its case and the blanks around it.

    Raises:
        BadRequest: it is none that is offered.
    """
    plain = name.strip().lower() if isinstance(name, str) else ""
    if plain in PIPELINE_TYPES:
        return PIPELINE_TYPES[plain]
    names = (*PIPELINE_TYPES, *CARD_TYPES)
    offered = f"offered are {', '.join(names)}"
    if name is None:
        raise BadRequest([UNSUPPORTED_TYPE, f"pipeline_type is missing: {offered}"])
    near = difflib.get_close_matches(plain, names, n=1)
    hint = f"did you mean {near[0]}?" if near else offered
    raise BadRequest([UNSUPPORTED_TYPE, f"there is no pipeline_type {name!r}: {hint}"])


class _Reading:
    """One reading of one body; every method notes problems and goes on."""

    def __init__(self, kind: PipelineType, body: Mapping[str, Any], place: Place) -> None:
        self._kind = kind
        self._problems: list[Problem] = []
        given = self._by_attribute(body)
        registered = place.use_model_registry and PACKAGE in _names(kind)
        self._missing = [
            attribute.name
            for attribute in kind.attributes
            if _is_missing(attribute, given, registered=registered)
        ]
        self._missing += [name for name in kind.required_too(given) if name not in given]
        self.values: dict[str, str] = {}
        for attribute in kind.attributes:
            if attribute.name in given:
                self._read(attribute, given[attribute.name])

    @property
    def missing(self) -> list[str]:
        """What is missing, in the API's order, worded as clients know it."""
        return [f"{MISSING}{name}" for name in self._missing]

    @property
    def problems(self) -> list[str]:
        """What else is wrong."""
        return [str(problem) for problem in self._problems]

    @property
    def assets(self) -> dict[str, str]:
        """The keys of the objects that the stage's account needs, by parameter."""
        return {
            attribute.parameter: self.values[attribute.name]
            for attribute in self._kind.attributes
            if attribute.is_asset and attribute.parameter and self.values.get(attribute.name)
        }

    def parameters(self, template: Template, place: Place) -> dict[str, str]:
        """Return the template's parameters, as far as the values give them."""
        attributes = {
            attribute.parameter: attribute.name
            for attribute in self._kind.attributes
            if attribute.parameter is not None
        }
        found = {
            parameter: self.values[name]
            for parameter, name in attributes.items()
            if name in self.values
        }
        found.update(self._kind.parameters(self.values, place, self._problems))
        wrong = {problem.attribute for problem in self._problems} | {*self._missing}
        for parameter, text in parameter_problems(template, found).items():
            name = attributes.get(parameter, parameter)
            is_given = name in self.values or parameter not in attributes
            if parameter in found and is_given and name not in wrong:
                self._problems.append(Problem(attribute=name, text=text))
                wrong.add(name)
        sound = {name: value for name, value in self.values.items() if name not in wrong}
        self._kind.find_problems(sound, place, self._problems)
        return found

    def _by_attribute(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the body's values by the attributes' own names."""
        names = {
            spelling: attribute.name
            for attribute in self._kind.attributes
            for spelling in (attribute.name, *attribute.spellings)
        }
        given: dict[str, Any] = {}
        for key, value in body.items():
            if key == "pipeline_type":
                continue
            name = names.get(key)
            if name is None:
                self._problems.append(Problem(attribute=key, text=self._unknown(key, names)))
            elif name in given and given[name] != value:
                text = f"is given twice, with different values: leave {key} out"
                self._problems.append(Problem(attribute=name, text=text))
            else:
                given[name] = value
        return given

    def _unknown(self, key: str, names: Mapping[str, str]) -> str:
        near = difflib.get_close_matches(key, names, n=1)
        hint = f": did you mean {near[0]}?" if near else ": leave it out"
        return f"is not an attribute of {self._kind.name}{hint}"

    def _read(self, attribute: Attribute, value: Any) -> None:
        try:
            text = _document(value) if attribute.is_document else _text(attribute, value)
        except ValueError as error:
            self._problems.append(Problem(attribute=attribute.name, text=str(error)))
            return
        if attribute.not_offered:
            if text.strip():
                self._problems.append(Problem(attribute=attribute.name, text=attribute.not_offered))
            return
        self.values[attribute.name] = attribute.prepare(text)


def _names(kind: PipelineType) -> set[str]:
    return {attribute.name for attribute in kind.attributes}


def _is_missing(attribute: Attribute, given: Mapping[str, Any], *, registered: bool) -> bool:
    """Return whether an attribute is required and not given, nor what stands in for it.

    Args:
        registered: only a model of the registry will do.
    """
    if registered and attribute.name == PACKAGE:
        return PACKAGE not in given
    if registered and attribute.unless == PACKAGE:
        return False
    return attribute.required and given.keys().isdisjoint((attribute.name, attribute.unless))


def _text(attribute: Attribute, value: Any) -> str:
    if isinstance(value, str):
        if not documents.storable(value):
            raise ValueError(f"{value[:100]!r} is not text: {_NO_TEXT}")
        return value
    if isinstance(value, bool | int):
        return str(value)
    if attribute.per_stage and isinstance(value, dict) and value.keys() & _STAGES:
        raise ValueError(
            "is given per stage, but this server deploys to one account: give one value"
        )
    if value is None:
        raise ValueError("is null: leave it out, or give it a value")
    raise ValueError(f"{json.dumps(value)[:100]} must be text")


def _document(value: Any) -> str:
    """Return an object, a list, or their JSON text as JSON text; an empty text stays."""
    if isinstance(value, str):
        if not value.strip():
            return ""
        try:
            value = json.loads(value, parse_constant=_refuse_constant)
        except ValueError as error:
            raise ValueError(f"{value[:100]!r} is not JSON: {error}") from error
    text = json.dumps(value)
    if not isinstance(value, dict | list):
        raise ValueError(f"{text[:100]} must be a JSON object or list")  # noqa: TRY004
    if not documents.storable(*_texts(value)):
        raise ValueError(f"{text[:100]} is not text: {_NO_TEXT}")
    return text


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a document; without recursion, as it may be nested deeply."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str(text):
                yield text
            case dict() as entries:
                waiting.extend([*entries, *entries.values()])
            case list() as items:
                waiting.extend(items)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
