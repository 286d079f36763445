"""The built-in random cut forest: `python -m modelyard.images.randomcutforest train` or `serve`.

Hyperparameters, inputs, log lines and answers are those of AWS's. Trees are those of Guha, Mishra,
Roy and Schrijvers, "Robust random cut forest based anomaly detection on streams" (ICML 2016); no
library that is kept has them. A score is the mean over trees of how soon a cut would set the point
apart, as AWS's open library computes it: about 1 for ordinary points, more for strange ones. The
model is `model/model.npz`: the trees, as arrays.
"""
