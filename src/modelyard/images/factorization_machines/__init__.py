"""The built-in factorization machines: `python -m modelyard.images.factorization_machines train`.

Hyperparameters, inputs, log lines and answers are those of AWS's. What is minimised is the mean
loss and `wd / 2` times the squares of each group of weights, from the given start. AWS's goes there
by mini-batches with a learning rate for each group; here L-BFGS goes all the way, so the rates and
what else says how to walk change nothing, which the log says. `epochs`, where the job sets it, is
the most passes over the data. The model is `model/model.npz`: `bias` (), `linear` (columns,) and
`factors` (columns, num_factors).
"""
