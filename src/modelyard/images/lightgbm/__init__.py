"""The built-in LightGBM: `python -m modelyard.images.lightgbm train` or `serve`.

Hyperparameters, channels, log lines and answers are those of SageMaker JumpStart's LightGBM; its
model, `model/model.txt`, is LightGBM's own text and no pickle, so that anybody can load it and
nobody has to trust it. The same data and hyperparameters give the same model.
"""
