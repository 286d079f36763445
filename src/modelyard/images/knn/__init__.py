"""The built-in k-nearest neighbours: `python -m modelyard.images.knn train` or `serve`.

Hyperparameters, inputs, log lines and answers are those of AWS's k-NN. AWS's index is one of Faiss,
which may be approximate; here all neighbours are looked at, so each `index_type` finds the true
ones. Distances are Euclidean, or inner products and cosines, whose largest are the nearest. Of
classes that are as frequent among the neighbours the one of the nearest wins. The model is
`model/model.npz`: the sampled rows, projected if so asked, and their labels.
"""
