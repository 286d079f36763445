"""The optimum is that of the documented objective: against scikit-learn, and by its gradient."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import check_grad
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import Lasso, LogisticRegression, QuantileRegressor, Ridge

from modelyard.images.linear_learner import fitting, thresholds
from modelyard.images.linear_learner.hyperparameters import LOSSES, Hyperparameters, validate
from modelyard.images.training.errors import ClientError
from modelyard.images.training.rows import Rows

X, Y = load_diabetes(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
DIABETES = Rows(features=X, labels=Y)
PLAIN = {"normalize_label": "false", "unbias_label": "false"}


def hyperparameters(kind: str, **more: str) -> Hyperparameters:
    return validate({"predictor_type": kind, **more})


def fitted(rows: Rows, kind: str, **more: str) -> fitting.Fitted:
    return fitting.fit(rows, None, hyperparameters(kind, **more), "algo-1")


@pytest.mark.parametrize(
    ("kind", "loss"), [(kind, loss) for kind, losses in LOSSES.items() for loss in losses]
)
@pytest.mark.parametrize("l1", ["0", "0.1"])
def test_the_gradient_is_that_of_the_objective(kind: str, loss: str, l1: str) -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3 if kind.startswith("multi") else 2, 30).astype(float)
    rows = Rows(features=random.normal(2, 3, (30, 4)), labels=labels)
    more = {"num_classes": "3"} if kind.startswith("multi") else {}
    hp = hyperparameters(kind, loss=loss, l1=l1, bias_wd_mult="2", **more)
    problem = fitting._problem(rows, hp, wd=0.1, weight=2.0)
    size = 4 * hp.outputs * (1 if l1 == "0" else 2) + hp.outputs
    start = random.uniform(0.1, 1, size)
    rounding = 0.05 if len(problem.roundings) > 1 else 0.0
    error = check_grad(
        lambda x: problem.value(x, rounding)[0], lambda x: problem.value(x, rounding)[1], start
    )
    assert error < 1e-4


def test_l2_is_that_of_ridge_and_l1_that_of_lasso() -> None:
    ridge = Ridge(alpha=0.05 * len(Y)).fit(X, Y)  # of sums, where ours is of means
    found = fitted(DIABETES, "regressor", wd="0.1", **PLAIN).linear
    assert np.allclose(found.weights[:, 0], ridge.coef_, atol=0.02)
    lasso = Lasso(alpha=2.0).fit(X, Y)  # of half the squares
    found = fitted(DIABETES, "regressor", wd="0", l1="4", **PLAIN).linear
    assert np.allclose(found.weights[:, 0], lasso.coef_, atol=0.05)


def test_a_quantile_is_that_of_the_linear_program() -> None:
    oracle = QuantileRegressor(quantile=0.8, alpha=0).fit(X, Y)
    found = fitted(DIABETES, "regressor", loss="quantile_loss", quantile="0.8", wd="0").linear
    below = (found.scores(X) > Y).mean()
    assert below == pytest.approx(0.8, abs=0.02)

    def loss(predictions: np.ndarray) -> float:
        error = Y - predictions
        return float(np.maximum(0.8 * error, -0.2 * error).mean())

    assert loss(found.scores(X)) <= 1.005 * loss(oracle.predict(X))


def test_sparse_rows_teach_the_same_as_dense_ones() -> None:
    sparse = Rows(features=scipy.sparse.csr_matrix(X), labels=Y)
    dense = fitted(DIABETES, "regressor", wd="0.01").linear
    assert np.allclose(fitted(sparse, "regressor", wd="0.01").linear.weights, dense.weights)


def test_rare_positives_can_be_weighed() -> None:
    features, labels = load_breast_cancer(return_X_y=True)
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    rows = Rows(features=features, labels=1.0 - labels)
    criterion = {"binary_classifier_model_selection_criteria": "loss_function"}
    plain = fitted(rows, "binary_classifier", wd="0.01", **criterion).linear.scores(features)
    weighed = fitted(
        rows, "binary_classifier", wd="0.01", positive_example_weight_mult="5", **criterion
    ).linear.scores(features)
    assert (weighed > 0).sum() > (plain > 0).sum()
    oracle = LogisticRegression(C=1 / (0.01 * len(labels)), max_iter=1000)
    oracle.fit(features, 1 - labels)
    assert np.allclose(plain, oracle.decision_function(features), atol=0.05)


CRITERIA = ("accuracy", "f1", "precision_at_target_recall", "recall_at_target_precision")


@given(
    st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=20),
    st.sampled_from(CRITERIA),
)
def test_no_threshold_is_better_than_the_one_that_is_chosen(
    pairs: list[tuple[int, bool]], criterion: str
) -> None:
    scores = np.array([score for score, _ in pairs], float)
    labels = np.array([label for _, label in pairs], float)
    hp = hyperparameters("binary_classifier", binary_classifier_model_selection_criteria=criterion)
    choice = thresholds.choose(scores, labels, hp, default=0.0)
    for threshold in [*np.unique(scores), scores.max() + 1, choice.threshold]:
        said = scores >= threshold
        merit = thresholds._merit(
            np.array([(said & (labels == 1)).sum(), labels.sum()], float),
            np.array([said.sum(), len(labels)], float),
            len(labels),
            hp,
        )[0]
        assert merit <= choice.merit + 1e-9
    assert merit == pytest.approx(choice.merit)


@pytest.mark.parametrize(
    ("kind", "more", "says"),
    [
        ("binary_classifier", {"loss": "squared_loss"}, "one of auto, logistic, hinge_loss"),
        ("multiclass_classifier", {}, "num_classes is required"),
        ("regressor", {"quantile": "1"}, "quantile=1 must be a number in (0, 1)"),
        ("regressor", {"learning_rat": "1"}, "did you mean learning_rate?"),
    ],
)
def test_what_is_wrong_is_named(kind: str, more: dict[str, str], says: str) -> None:
    with pytest.raises(ClientError) as caught:
        hyperparameters(kind, **more)
    assert says in str(caught.value)
