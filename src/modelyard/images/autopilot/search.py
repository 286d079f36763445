"""The search for the best candidate, by asking and telling.

Each algorithm has a searcher of its own, FLAML's CFO (Wu, Wang, Huang: "Frugal Optimization for
Cost-related Hyperparameters", AAAI 2021). Who is asked next follows from what was told: nothing
depends on time, so the same seed and the same answers lead to the same candidates, and a search
that is told again what it was told before a crash goes on from there.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelyard.images.autopilot.learners.ranges import within

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelyard.images.autopilot.learners import Config, Learner

#: A searcher that has converged starts anew elsewhere; it may say nothing a few times until then.
_PATIENCE = 50
_WORST = 1e18  # in place of infinity, with which no searcher can count


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """What is to be tried next."""

    number: int  # from 0 on
    learner: str
    config: Config


class Search:
    """Chooses candidates.

    Args:
        rows: how many there are to learn from.
    """

    def __init__(self, learners: Sequence[Learner], *, rows: int, seed: int) -> None:
        with without_mlflow():
            self._searchers = {one.name: _Searcher(one, rows, seed) for one in learners}
        self._told: list[tuple[str, float]] = []
        self._open: Suggestion | None = None

    def ask(self) -> Suggestion | None:
        """Return what is to be tried next; None: there is nothing left to try."""
        if self._open is None:
            for name in self._order():
                config = self._searchers[name].ask()
                if config is not None:
                    self._open = Suggestion(number=len(self._told), learner=name, config=config)
                    break
        return self._open

    def tell(self, loss: float) -> None:
        """Say how good what was asked for is; less is better, infinity where it failed.

        Raises:
            RuntimeError: nothing was asked for.
        """
        if self._open is None:
            raise RuntimeError("nothing was asked for")
        asked, self._open = self._open, None
        self._searchers[asked.learner].tell(loss if math.isfinite(loss) else _WORST)
        self._told.append((asked.learner, loss))

    def _order(self) -> list[str]:
        """Return whom to ask: first each once, then the best so far twice, and one of all."""
        names, count = [*self._searchers], len(self._told)
        if count < len(names):
            return [*names[count:], *names[:count]]
        if count % 3 == 0:
            turn = count // 3 % len(names)
            return [*names[turn:], *names[:turn]]
        best, _ = min(self._told, key=lambda told: told[1])
        return [*dict.fromkeys([best, *names])]


class _Searcher:
    """FLAML's search over one algorithm's ranges."""

    def __init__(self, learner: Learner, rows: int, seed: int) -> None:
        from flaml.tune.searcher import CFO

        space = learner.space(rows)
        cheap = {
            name: one["low_cost_init_value"]
            for name, one in space.items()
            if "low_cost_init_value" in one
        }
        starts = [within(start, space) for start in learner.starts(rows)]
        self._search = CFO(
            metric="loss",
            mode="min",
            space={name: one["domain"] for name, one in space.items()},
            low_cost_partial_config=cheap or None,
            points_to_evaluate=starts,
            seed=seed + 20,
            cost_attr=None,
        )
        self._asked: tuple[str, dict[str, Any]] | None = None
        self._count = 0

    def ask(self) -> Config | None:
        for _ in range(_PATIENCE):
            self._count += 1
            config = self._search.suggest(str(self._count))
            if config is not None:
                self._asked = (str(self._count), config)
                return {name: _plain(value) for name, value in sorted(config.items())}
        return None

    def tell(self, loss: float) -> None:
        if self._asked is None:
            raise RuntimeError("nothing was asked for")
        trial, config = self._asked
        # The form in which FLAML, when it goes on from one of several starts, reads a choice.
        told = {f"config/{name}": value for name, value in config.items()}
        self._search.on_trial_complete(trial, {"loss": loss, **told})


@contextmanager
def without_mlflow() -> Iterator[None]:
    """Let FLAML be imported as where MLflow is not installed.

    It would import it only to log trials, which is the platform's work, and take seconds for it.
    """
    if "flaml" in sys.modules:
        yield
        return
    kept = sys.modules.get("mlflow")
    sys.modules["mlflow"] = None  # type: ignore[assignment]
    try:
        import flaml  # noqa: F401 - it is imported for the first time here

        yield
    finally:
        if kept is None:
            del sys.modules["mlflow"]
        else:
            sys.modules["mlflow"] = kept


def _plain(value: Any) -> int | float:
    number = value.item() if hasattr(value, "item") else value
    return number if isinstance(number, int) else float(number)
