"""scikit-learn: an image without a program of its own, for scripts that jobs bring along."""

from __future__ import annotations

from modelyard.compute.images.built_in import BuiltIn
from modelyard.compute.images.xgboost import CPU_SUFFIX

#: The versions that clients ask for by name; all mean the scikit-learn that is installed here.
SCIKIT_LEARN_VERSIONS = ("0.20.0", "0.23-1", "1.0-1", "1.2-1", "1.4-2")

SCIKIT_LEARN = BuiltIn(
    "scikit-learn",
    repository="sagemaker-scikit-learn",
    registries="frameworks",
    tags={version: f"{version}{CPU_SUFFIX}" for version in SCIKIT_LEARN_VERSIONS},
    purposes=("train", "serve", "process"),
    scripts=True,
    needs=("sklearn", "pandas"),
    extra="sklearn",
)
