"""One candidate is tried: it learns, is judged by rows that it has not seen, and is kept."""

from __future__ import annotations

import io
import traceback
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modelyard.images.autopilot import archive
from modelyard.images.autopilot.candidates import Candidate, Journal, tell
from modelyard.images.autopilot.features import Plan
from modelyard.images.autopilot.learners import LEARNERS, Floats, Model, Problem, Rows
from modelyard.images.autopilot.metrics import measured
from modelyard.images.autopilot.patience import Patience, micros
from modelyard.images.autopilot.search import Suggestion
from modelyard.images.autopilot.splitting import Split
from modelyard.images.autopilot.target import Target
from modelyard.images.training.files import write_whole

_SAID_CHARACTERS = 500


@dataclass(frozen=True, kw_only=True)
class Material:
    """What all candidates have in common."""

    target: Target
    plan: Plan
    problem: Problem
    rows: Rows
    split: Split


class Trials:
    """Tries candidates, and writes them down.

    Args:
        prefix: what candidates' names begin with.
    """

    def __init__(
        self, material: Material, patience: Patience, journal: Journal, prefix: str
    ) -> None:
        self._material = material
        self._patience = patience
        self._journal = journal
        self._prefix = prefix

    def try_out(self, suggestion: Suggestion) -> Candidate:
        """Return the candidate, finished; it is in the journal, unless it was stopped."""
        begun = Candidate(
            name=f"{self._prefix}-{suggestion.number + 1:03d}",
            number=suggestion.number,
            algorithm=suggestion.learner,
            config=suggestion.config,
            status="InProgress",
            started=micros(),
        )
        tell(candidate=begun.to_json())
        ended = self._carried_out(begun)
        if ended.status != "Stopped":
            self._journal.add(ended)
        tell(candidate=ended.to_json())
        return ended

    def _carried_out(self, begun: Candidate) -> Candidate:
        try:
            model, scores = self._fitted(begun)
        except Exception as error:  # one candidate that fails does not end the others
            traceback.print_exc()
            said = f"{type(error).__name__}: {error}"[:_SAID_CHARACTERS]
            return _ended(begun, status="Failed", failure=said)
        if self._patience.ends_search:
            return _ended(begun, status="Stopped")
        material = self._material
        held = material.rows.take(material.split.held_out)
        metrics = measured(material.target, held.truth, scores, held.weights)
        kept = archive.Kept(
            algorithm=begun.algorithm, target=material.target, plan=material.plan, model=model
        )
        archive.write(self._journal.archive(begun.name), kept)
        _write_scores(self._journal.scores(begun.name), scores)
        return _ended(begun, status="Completed", metrics=dict(metrics))

    def _fitted(self, begun: Candidate) -> tuple[Model, Floats]:
        """Return the model, and the scores of all rows that were held out.

        Where every row was held out once, in folds, the model has learnt from all of them.
        """
        folds = self._material.split.folds
        fits = 1 if len(folds) == 1 else len(folds) + 1
        scores = []
        for learnt, held in folds:
            model = self._fit(begun, self._material.rows.take(learnt), fits)
            scores.append(model.scores(self._material.rows.features[held]))
        if fits > 1:
            model = self._fit(begun, self._material.rows, fits)
        found: Floats = np.concatenate(scores)
        if not np.isfinite(found).all():
            raise ValueError("its predictions are not finite")
        return model, found

    def _fit(self, begun: Candidate, rows: Rows, fits: int) -> Model:
        self._patience.begin_fit(fits)
        return LEARNERS[begun.algorithm].fit(
            self._material.problem, rows, begun.config, self._patience.ends_fit
        )


def _write_scores(path: Path, scores: Floats) -> None:
    buffer = io.BytesIO()
    np.save(buffer, scores, allow_pickle=False)
    write_whole(path, buffer.getvalue())


def _ended(
    begun: Candidate, *, status: str, metrics: dict[str, float] | None = None, failure: str = ""
) -> Candidate:
    return Candidate(
        name=begun.name,
        number=begun.number,
        algorithm=begun.algorithm,
        config=begun.config,
        status=status,
        started=begun.started,
        ended=micros(),
        metrics=metrics or {},
        failure=failure,
    )
