"""The strategies by which hyperparameters are chosen."""

from modelyard.tuning.strategies._base import State, Strategy, Suggestion, Told, seed_of
from modelyard.tuning.strategies.bayesian import BayesianSearch
from modelyard.tuning.strategies.grid import GridSearch, grid_size
from modelyard.tuning.strategies.hyperband import Hyperband, brackets
from modelyard.tuning.strategies.random_search import RandomSearch

__all__ = [
    "BayesianSearch",
    "GridSearch",
    "Hyperband",
    "RandomSearch",
    "State",
    "Strategy",
    "Suggestion",
    "Told",
    "brackets",
    "grid_size",
    "seed_of",
]
