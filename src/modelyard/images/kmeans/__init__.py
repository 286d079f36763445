"""The built-in k-means: `python -m modelyard.images.kmeans train` or `serve`.

Hyperparameters, inputs, log lines and answers are those of AWS's k-means. That one passes over the
data in mini-batches with more centres than asked for, and clusters those in the end; here all rows
are clustered at once by Lloyd's algorithm (scikit-learn), as AWS's clusters its centres. What says
how to stream has no effect, which the log says; `half_life_time_size`, which would forget early
rows, is refused. The model is `model/model.npz`: the centres.
"""
