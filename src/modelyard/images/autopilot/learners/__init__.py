"""The algorithms that candidates are made with, by the API's names for them."""

from collections.abc import Mapping

from modelyard.images.autopilot.learners._base import (
    Config,
    Floats,
    Learner,
    Model,
    Problem,
    Rows,
)
from modelyard.images.autopilot.learners.lightgbm import LightGbm
from modelyard.images.autopilot.learners.linear import Linear
from modelyard.images.autopilot.learners.xgboost import XGBoost

LEARNERS: Mapping[str, Learner] = {
    learner.name: learner for learner in (LightGbm(), XGBoost(), Linear())
}

__all__ = ["LEARNERS", "Config", "Floats", "Learner", "Model", "Problem", "Rows"]
