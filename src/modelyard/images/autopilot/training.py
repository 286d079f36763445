"""A job from its channels to its candidates and reports."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelyard.images.autopilot import hyperparameters
from modelyard.images.autopilot.candidates import Candidate, Journal, log_objective, tell
from modelyard.images.autopilot.hyperparameters import Hyperparameters
from modelyard.images.autopilot.patience import Patience
from modelyard.images.autopilot.problem_types import METRICS, objective_problem
from modelyard.images.training import log
from modelyard.images.training.channels import TRAIN, VALIDATION, Inputs, channels
from modelyard.images.training.errors import ClientError
from modelyard.images.training.files import write_whole
from modelyard.images.training.job import limit_threads
from modelyard.images.training.layout import Configuration, Layout
from modelyard.images.training.stopping import StopRequest

if TYPE_CHECKING:
    from modelyard.images.autopilot.trying import Material

SPECIFICATION = "specification"
PARQUET = "application/x-parquet"
INPUTS = Inputs(
    channels=(TRAIN, VALIDATION, SPECIFICATION),
    required=(TRAIN,),
    content_types={
        "text/csv": "csv",
        PARQUET: "parquet",
        "x-application/vnd.amazon+parquet": "parquet",
        "application/json": "text",
    },
    default="text/csv",
)
SUMMARY = "autopilot.json"


def train(layout: Layout) -> None:
    """Run the job whose files lie in `layout`.

    Raises:
        ClientError: its configuration or its data is wrong.
    """
    stop = StopRequest()
    stop.watch()
    limit_threads()
    config = Configuration.read(layout)
    hp = hyperparameters.validate(config.hyperparameters)
    found = channels(config.channels, layout.channel, INPUTS)
    # Libraries take their number of threads from the environment when they are imported.
    from modelyard.images.autopilot.exploration import write_exploration
    from modelyard.images.autopilot.material import analysed, material_of
    from modelyard.images.autopilot.notebooks import write_notebook
    from modelyard.images.autopilot.specification import specification_of

    tell(phase="AnalyzingData")
    analysis = analysed(found, hp, specification_of(found.get(SPECIFICATION)))
    target = analysis.target
    objective = hp.objective or METRICS[target.problem_type][0]
    problem = objective_problem(objective, target.problem_type)
    if problem:
        raise ClientError(problem)
    log.info(f"{target.problem_type}: {target.why}; the objective is {objective}")
    tell(resolved={"problem_type": target.problem_type, "objective": objective, "why": target.why})
    tell(phase="FeatureEngineering")
    material = material_of(analysis, hp)
    log.info(f"{len(material.plan.names)} features of {len(material.plan.sources)} columns")
    log.info(material.split.said)
    notebooks = layout.output_data / "notebooks"
    write_exploration(notebooks, analysis, material, objective, hp.data_uri)
    write_notebook(notebooks, material, hp, objective)
    if hp.definitions_only:
        tell(ended_by="CandidateDefinitionsGenerated", best=None)
        return
    _search(layout, config, hp, material, objective, stop)


def _search(
    layout: Layout,
    config: Configuration,
    hp: Hyperparameters,
    material: Material,
    objective: str,
    stop: StopRequest,
) -> None:
    from modelyard.images.autopilot.explaining import explain
    from modelyard.images.autopilot.insights import write_insights
    from modelyard.images.autopilot.metrics import loss
    from modelyard.images.autopilot.searching import searched

    tell(phase="ModelTuning")
    stop.training_begins()
    journal = Journal(config.checkpoints)
    patience = Patience(stop, deadline=hp.deadline, seconds=hp.max_seconds_per_candidate)
    candidates, ended_by = searched(material, hp, objective, patience, journal)
    finished = [one for one in candidates if one.status == "Completed"]
    ranked = [one for one in finished if objective in one.metrics]
    best = min(ranked, key=lambda one: (loss(objective, one.metrics), one.number), default=None)
    if best is None and not patience.is_stopped:
        raise ClientError(_why_none(candidates, patience))
    for candidate in finished:
        target = layout.model / candidate.name / "model.tar.gz"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(journal.archive(candidate.name), target)
    if best is not None:
        log_objective(best, objective, "best")
    if best is not None and not patience.is_stopped:
        tell(phase="GeneratingExplainabilityReport")
        explain(layout.output_data / "explainability" / best.name, material, best, journal)
        tell(phase="GeneratingModelInsightsReport")
        write_insights(layout.output_data / "insights" / best.name, material, best, journal)
    summary = {
        "problem_type": material.target.problem_type,
        "why": material.target.why,
        "objective": objective,
        "best": None if best is None else best.name,
        "ended_by": ended_by,
        "candidates": [one.to_json() for one in candidates],
    }
    write_whole(layout.output_data / SUMMARY, json.dumps(summary, indent=1).encode())
    tell(ended_by=ended_by, best=None if best is None else best.name)


def _why_none(candidates: Sequence[Candidate], patience: Patience) -> str:
    failed = [one for one in candidates if one.status == "Failed"]
    if failed:
        return f"all {len(failed)} candidates failed; {failed[-1].name}: {failed[-1].failure}"
    if patience.is_over:
        return (
            "the time was over before a first candidate was finished: give more "
            "MaxAutoMLJobRuntimeInSeconds"
        )
    return (
        f"{len(candidates)} candidates were tried, and of none is the objective defined on the "
        "rows that are held out: they may be of one class only"
    )
