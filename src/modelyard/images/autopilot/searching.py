"""The loop of a search: asks, tries, tells, until there is reason to end."""

from __future__ import annotations

from collections.abc import Sequence

from modelyard.images.autopilot.candidates import Candidate, Journal, log_objective, tell
from modelyard.images.autopilot.hyperparameters import Hyperparameters
from modelyard.images.autopilot.learners import LEARNERS, Learner
from modelyard.images.autopilot.metrics import loss
from modelyard.images.autopilot.patience import Patience
from modelyard.images.autopilot.search import Search
from modelyard.images.autopilot.trying import Material, Trials
from modelyard.images.training import log

ALL_TRIED, OVER, STOPPED = "MaxCandidatesReached", "MaxAutoMLJobRuntimeReached", "Stopped"


def searched(
    material: Material,
    hp: Hyperparameters,
    objective: str,
    patience: Patience,
    journal: Journal,
    *,
    learners: Sequence[Learner] = (),
) -> tuple[Sequence[Candidate], str]:
    """Return all candidates in their order, and why there are no more.

    Args:
        learners: in place of those that the hyperparameters name.
    """
    rows = len(material.split.folds[0][0])
    asked = learners or [LEARNERS[name] for name in hp.algorithms]
    search = Search(asked, rows=rows, seed=hp.seed)
    trials = Trials(material, patience, journal, hp.candidate_prefix)
    found = _resumed(search, journal, objective)
    while len(found) < hp.max_candidates:
        if patience.ends_search:
            break
        suggestion = search.ask()
        if suggestion is None:
            log.info("all that the search knows was tried")
            break
        candidate = trials.try_out(suggestion)
        found.append(candidate)
        if candidate.status == "Stopped":
            break
        _tell(search, candidate, objective)
    if patience.is_stopped:
        return found, STOPPED
    ended_by = OVER if patience.is_over else ALL_TRIED
    tell(phase=ended_by)
    return found, ended_by


def _resumed(search: Search, journal: Journal, objective: str) -> list[Candidate]:
    """Tell the search what an earlier run of the job has tried."""
    found: list[Candidate] = []
    for candidate in journal.read():
        asked = search.ask()
        if asked is None or (asked.learner, dict(asked.config)) != (
            candidate.algorithm,
            dict(candidate.config),
        ):
            # As after an upgrade in between. What was tried still counts.
            log.warning("the search goes another way than before: it begins anew behind this")
        tell(candidate=candidate.to_json())
        found.append(candidate)
        if asked is not None:
            _tell(search, candidate, objective)
    if found:
        log.info(f"{len(found)} candidates were finished before the job was run again")
    return found


def _tell(search: Search, candidate: Candidate, objective: str) -> None:
    search.tell(loss(objective, candidate.metrics))
    if objective in candidate.metrics:
        log_objective(candidate, objective, "validation")
    else:
        log.line(
            f"[{candidate.number}] {candidate.name} ({candidate.algorithm}) has no {objective}"
        )
