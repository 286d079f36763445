"""The built-in linear learner: `python -m modelyard.images.linear_learner train` or `serve`.

A program under the public SageMaker contracts of training and hosting, with the hyperparameters,
inputs, log lines and answers of AWS's linear-learner. What a job can rely on:

**Result.** `model/model.npz`. It is the optimum of the documented objective,
`mean(weight * loss) + wd / 2 * |w|^2 + l1 * |w|_1`, on normalised data. AWS's goes towards it by
mini-batches and stops on the way; here L-BFGS goes all of it, so hyperparameters that say how to
walk (`learning_rate`, `optimizer`, `mini_batch_size` and the like) change nothing, which the log
says. `epochs` and early stopping still end it early where the job sets them.

**Selection.** Where `wd`, or the weight of positive examples, is `auto`, several values are tried
and the validation channel decides, or the training data without one. So it decides on the
threshold of a binary classifier, by `binary_classifier_model_selection_criteria`.

**Determinism.** The same data and hyperparameters give the same model.
"""
