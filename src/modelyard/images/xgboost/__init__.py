"""The built-in XGBoost image: `python -m modelyard.images.xgboost train`.

A program under the public SageMaker training contract, with the hyperparameters, inputs, log lines
and outputs of the XGBoost container of AWS. What a job can rely on:

**Where.** Everything is below `/opt/ml`, or below `SAGEMAKER_BASE_DIR` where that is set.

**Result.** `model/xgboost-model` in XGBoost's UBJ format, whole or not at all. Exit code 0, or 1
with the reason in `output/failure`: `ClientError: ` for what the job's owner can put right,
`AlgorithmError: ` for the rest.

**Determinism.** The same data, hyperparameters and number of hosts give the same model, byte for
byte, whether or not the job was killed and resumed from a checkpoint in between.

**Stopping.** SIGTERM ends training after the round in progress, saves the model and a checkpoint,
and exits with 0. `save_model_on_termination=false` leaves the model out; `true` also saves it while
training goes on, so that even a job that is killed has one.

**Early stopping** keeps the best round's model, not the last one's.

Nothing in this package imports XGBoost, numpy or polars before it is needed: bad hyperparameters
are reported within the time that Python takes to start.
"""
