"""The built-in CatBoost: `python -m modelyard.images.catboost train` or `serve`.

Hyperparameters, channels, log lines and answers are those of SageMaker JumpStart's CatBoost; the
model, `model/model.cbm`, is CatBoost's own format. The same data and hyperparameters give the same
model.
"""
