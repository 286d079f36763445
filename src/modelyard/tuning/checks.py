"""What a tuning job may ask for: the rules that the API's own model does not state.

What would make its training jobs fail is found ahead of the first of them, at the corners of the
ranges: with every number at its least and at its greatest, and with each category.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from modelyard.compute.images import Image
from modelyard.tuning.limit_checks import limit_problems
from modelyard.tuning.metric_regexes import regexes_of, tells_objective
from modelyard.tuning.range_checks import range_problems
from modelyard.tuning.spec import Definition, definitions_of, given_definitions
from modelyard.tuning.trial import Choice
from modelyard.tuning.trial_requests import hyperparameters_of, request_of

_Request = Mapping[str, Any]

_MOST_CORNERS = 40
#: Stands for a trial's name, which is as long as the longest one.
_TRIAL_NAME = "t" * 63


def problems_of(
    request: _Request,
    *,
    image_of: Callable[[str], Image],
    training_problems: Callable[[_Request], list[str]],
) -> list[str]:
    """Return all that stands against a CreateHyperParameterTuningJob request.

    Args:
        image_of: returns the image of a URI, raises ValueError where there is none.
        training_problems: what stands against a CreateTrainingJob request.
    """
    found = [*_shape(request)]
    if found:
        return found
    for place, definition in _placed(request):
        found += (f"{place}{problem}" for problem in _definition(request, definition, image_of))
    if found:
        # What is made of ranges that are wrong would only repeat it.
        return found
    found += limit_problems(request)
    for (place, _), read in zip(_placed(request), definitions_of(request), strict=True):
        problems = [*_hyperparameters(read, image_of), *training_problems(_example(read))]
        found += (f"{place}{problem}" for problem in dict.fromkeys(problems))
    return found


def _shape(request: _Request) -> Iterator[str]:
    """Look at what must be right for the rest to be looked at."""
    given, several = "TrainingJobDefinition" in request, "TrainingJobDefinitions" in request
    if given == several:
        yield (
            "give either TrainingJobDefinition or TrainingJobDefinitions"
            if given
            else "TrainingJobDefinition is missing: it says what each training job is to run"
        )
    config = request["HyperParameterTuningJobConfig"]
    parents = request.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs", ())
    if not all(parent.get("HyperParameterTuningJobName") for parent in parents):
        yield "WarmStartConfig: a parent has no HyperParameterTuningJobName: name each"
    for place, definition in _placed(request):
        if several and not definition.get("DefinitionName"):
            yield f"{place}DefinitionName is missing: of several each needs one"
        if not (
            definition.get("TuningObjective") or config.get("HyperParameterTuningJobObjective")
        ):
            yield f"{place}HyperParameterTuningJobObjective is missing: say which metric counts"
        if "TrainingImage" not in definition["AlgorithmSpecification"]:
            yield (
                f"{place}AlgorithmSpecification.TrainingImage is missing: give the URI of an image "
                "(AlgorithmName, for algorithms of a marketplace, is not offered)"
            )
        yield from (f"{place}{problem}" for problem in _resources(definition))
    names = [definition.get("DefinitionName") for _, definition in _placed(request)]
    if several and len({*names}) < len(names):
        yield "two TrainingJobDefinitions have one DefinitionName: give each its own"


def _resources(definition: _Request) -> Iterator[str]:
    if "ResourceConfig" in definition and "HyperParameterTuningResourceConfig" in definition:
        yield "give either ResourceConfig or HyperParameterTuningResourceConfig"


def _definition(
    request: _Request, definition: _Request, image_of: Callable[[str], Image]
) -> Iterator[str]:
    config = request["HyperParameterTuningJobConfig"]
    given = definition.get("HyperParameterRanges") or config.get("ParameterRanges")
    if request.get("Autotune") and not (given or {}).get("AutoParameters"):
        yield "Autotune is for AutoParameters, and there are none: give some, or leave it out"
    yield from range_problems(
        given, definition.get("StaticHyperParameters", {}), strategy=config["Strategy"]
    )
    objective = definition.get("TuningObjective") or config["HyperParameterTuningJobObjective"]
    yield from _objective(definition["AlgorithmSpecification"], objective["MetricName"], image_of)


def _objective(algorithm: _Request, metric: str, image_of: Callable[[str], Image]) -> Iterator[str]:
    own, given = regexes_of(algorithm, image_of)
    known = [*given, *own]
    if metric in known:
        return
    near = difflib.get_close_matches(metric, known, n=3, cutoff=0.5)
    if near:
        hint = f"did you mean {' or '.join(near)}?"
    elif known:
        hint = f"known are {', '.join(known[:20])}{', …' if len(known) > 20 else ''}"
    else:
        hint = "the image has no metrics of its own"
    yield (
        f"the objective {metric!r} is no metric of the image, and MetricDefinitions has none of "
        f"that name: {hint}; or give a regular expression for it in MetricDefinitions"
    )


def _hyperparameters(definition: Definition, image_of: Callable[[str], Image]) -> Iterator[str]:
    algorithm = definition.request["AlgorithmSpecification"]
    try:
        image = image_of(definition.image)
    except ValueError:
        return  # which the training job's own rules say
    image = image.with_script(definition.static)
    if image.hyperparameter_problems is None:
        return
    tells = tells_objective(algorithm, definition.objective.metric, image_of)
    hosts = _example(definition)["ResourceConfig"].get("InstanceCount", 1)
    for corner in corners(definition):
        texts = hyperparameters_of(definition, corner, tells)
        yield from image.hyperparameter_problems(texts, hosts)


def corners(definition: Definition) -> list[Choice]:
    """Return choices at the ends of the ranges: in one of them is each end, and each category."""
    first = {one.name: one.corners[0] for one in definition.ranges}
    found = [first, {one.name: one.corners[-1] for one in definition.ranges}]
    found += [{**first, one.name: value} for one in definition.ranges for value in one.corners[1:]]
    return [
        Choice(number=0, definition=definition.index, tuned=tuned)
        for tuned in found[:_MOST_CORNERS]
    ]


def _example(definition: Definition) -> dict[str, Any]:
    """Return the request of a training job as the definition's trials will have it."""
    return request_of(
        definition,
        corners(definition)[0],
        name=_TRIAL_NAME,
        folder=_TRIAL_NAME,
        tells_objective=False,
        tags={},
    )


def _placed(request: _Request) -> list[tuple[str, _Request]]:
    """Return the definitions, each behind the words that a problem of it begins with."""
    found = given_definitions(request)
    if "TrainingJobDefinition" in request or len(found) < 2:
        return [("", definition) for definition in found]
    return [
        (f"definition {definition.get('DefinitionName', number)!r}: ", definition)
        for number, definition in enumerate(found, start=1)
    ]
