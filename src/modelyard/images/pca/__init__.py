"""The built-in PCA: `python -m modelyard.images.pca train` or `serve`.

Hyperparameters, inputs and answers are those of AWS's PCA, as is the order of components: the one
of the largest variance is the last. A component's sign is the one that makes its largest entry
positive. `model/model.npz` holds `mean` (columns,), `v` (columns, components) and `s`, the singular
values (components,).
"""
