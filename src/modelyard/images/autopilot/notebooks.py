"""The candidate definition notebook: what the job does, as code that can be changed and run."""

from __future__ import annotations

import json
import pprint
from pathlib import Path
from typing import Any

from modelyard.images.autopilot.definitions import definition_of
from modelyard.images.autopilot.hyperparameters import Hyperparameters
from modelyard.images.autopilot.learners import LEARNERS
from modelyard.images.autopilot.notebook_file import Notebook
from modelyard.images.autopilot.trying import Material

NOTEBOOK = "SageMakerAutopilotCandidateDefinitionNotebook.ipynb"  # as clients look for it


def write_notebook(folder: Path, material: Material, hp: Hyperparameters, objective: str) -> None:
    """Write the notebook into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = len(material.split.folds[0][0])
    definitions = {name: definition_of(LEARNERS[name], rows) for name in hp.algorithms}
    book = Notebook()
    book.text(
        "# Candidate definitions\n\n"
        "The code of this notebook does what the Autopilot job does; change it, and run it where "
        "`pip install 'modelyard[autopilot]'` is installed. With `eval \"$(modelyard env)\"` it "
        "finds the data in the bucket; with `AUTOPILOT_DATA` set to a folder it takes the files "
        "there."
    )
    book.code(_settings(material, hp, objective))
    book.text(
        "## Features\n\n"
        "The plan says what is made of each column. Take a source away, or change its `kind` "
        "(`numeric`, `category`, `date`, `text`), and the features change with it."
    )
    book.code(f"PLAN = {_literal(material.plan.to_json())}\n\nbench.plan = PLAN\nbench.plan.names")
    book.text(
        "## Candidates\n\n"
        "Of each algorithm: the ranges that are searched, `[low, high, how]`, and what is tried "
        f"first. The search is FLAML's; {material.split.said}."
    )
    book.code(f"DEFINITIONS = {_literal(definitions)}")
    book.text("## Search")
    book.code(
        "candidates = bench.search(DEFINITIONS, max_candidates=MAX_CANDIDATES)\n"
        "for candidate in candidates:\n"
        "    print(candidate.name, candidate.algorithm, candidate.metrics.get(bench.objective))"
    )
    book.text(
        "## Deploy\n\n"
        "The archive holds the features and the model: upload it, and give its place to "
        "`CreateModel` with the image `modelyard/autopilot:1`."
    )
    book.code('best = candidates[0]\nbench.save(best, "model.tar.gz")')
    book.write(folder / NOTEBOOK)


def _settings(material: Material, hp: Hyperparameters, objective: str) -> str:
    given: dict[str, Any] = {
        "data": hp.data_uri,
        "target": hp.target,
        "problem_type": material.target.problem_type,
        "objective": objective,
        "sample_weight": hp.sample_weight,
        "validation_fraction": hp.validation_fraction,
        "seed": hp.seed,
    }
    arguments = "".join(f"    {name}={value!r},\n" for name, value in given.items())
    return (
        "from modelyard.images.autopilot.workbench import Workbench\n\n"
        f"MAX_CANDIDATES = {min(hp.max_candidates, 20)}\n\n"
        f"bench = Workbench(\n{arguments})\n"
        "bench.table.head()"
    )


def _literal(data: Any) -> str:
    """Return plain data as Python that is good to read."""
    return pprint.pformat(json.loads(json.dumps(data)), sort_dicts=False, width=96, compact=True)
