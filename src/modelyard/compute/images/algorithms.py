"""The built-in algorithms beside XGBoost: one program each, under the names of AWS's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module

from modelyard.compute.images.built_in import BuiltIn
from modelyard.images.training.errors import ClientError

_EXTRA = "algorithms"


def _algorithm(
    name: str, *, tags: Sequence[str] = ("1",), registries: str | None, needs: Sequence[str]
) -> BuiltIn:
    module = f"modelyard.images.{name.replace('-', '_')}"

    def metric_definitions() -> Sequence[tuple[str, str]]:
        found: Sequence[tuple[str, str]] = import_module(
            f"{module}.metric_definitions"
        ).METRIC_DEFINITIONS
        return found

    def hyperparameter_problems(texts: Mapping[str, str], hosts: int) -> Sequence[str]:
        problems = [] if hosts == 1 else [f"{name} trains on one instance here, not on {hosts}"]
        try:
            import_module(f"{module}.hyperparameters").validate(texts)
        except ClientError as error:
            problems.append(str(error))
        return problems

    return BuiltIn(
        name,
        tags={tag: tag for tag in tags},
        purposes=("train", "serve"),
        module=module,
        registries=registries,
        server="program",
        needs=needs,
        extra=_EXTRA,
        metric_definitions=metric_definitions,
        hyperparameter_problems=hyperparameter_problems,
    )


ALGORITHMS: Sequence[BuiltIn] = (
    _algorithm("linear-learner", registries="algorithms", needs=("scipy", "sklearn")),
    *(
        _algorithm(name, registries="algorithms", needs=("scipy", "sklearn"))
        for name in ("kmeans", "pca", "knn", "randomcutforest", "factorization-machines")
    ),
    _algorithm("blazingtext", registries="blazingtext", needs=("gensim", "scipy")),
    _algorithm("forecasting-deepar", registries="forecasting-deepar", needs=("statsmodels",)),
    # JumpStart computes no URI of its own for these two: they are Modelyard's.
    _algorithm("lightgbm", tags=("4",), registries=None, needs=("lightgbm", "scipy")),
    _algorithm("catboost", tags=("1",), registries=None, needs=("catboost", "scipy")),
)
