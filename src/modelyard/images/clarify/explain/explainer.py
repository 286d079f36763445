"""Which way predictions are explained.

Tree SHAP is exact and needs neither a baseline nor thousands of predictions: it takes what the
model answers for a coalition from how the training rows went through its trees. It is chosen where
it explains the same thing in the same units: the model's files are at hand and are of XGBoost or
LightGBM, its output is the prediction, and

- nobody gave a baseline, nor asked for clusters of one, for then the question is another: the
  change from those rows;
- the trees' sums are in the units that are asked for: the output's for a regression, log-odds
  (`use_logit`) for a binary classifier.

Otherwise it is Kernel SHAP, which asks any model. `CLARIFY_EXPLAINER` decides it against this rule.
"""

from __future__ import annotations

from modelyard.images.clarify.config.sections import PredictorSection, ShapSection
from modelyard.images.clarify.predict.model_files import TreeModel
from modelyard.images.clarify.settings import KERNEL, TREE
from modelyard.images.processing.errors import ClientError


def why_not_tree(
    shap: ShapSection, predictor: PredictorSection | None, model: TreeModel | None
) -> str | None:
    """Return why tree SHAP does not answer the question, or None where it does."""
    if model is None:
        return "the model's files are not at hand"
    if not model.explains:
        return f"the contributions of {model.name} do not add up to its output"
    if shap.baseline is not None or shap.clusters is not None:
        return "a baseline is given or asked for"
    asked = "log-odds" if shap.use_logit else "output"
    if model.units != asked:
        return f"its values are in units of {model.units}, and asked are those of {asked}"
    places = () if predictor is None else (predictor.label, predictor.probability)
    if any(place not in (None, 0) for place in places):
        return "the prediction is a part of what the model answers"
    return None


def chosen_tree(
    setting: str, shap: ShapSection, predictor: PredictorSection | None, model: TreeModel | None
) -> TreeModel | None:
    """Return the model whose trees explain, or None for Kernel SHAP.

    Raises:
        ClientError: the setting wants trees, and there are none that can.
    """
    if setting == KERNEL:
        return None
    reason = why_not_tree(shap, predictor, model)
    if setting == TREE and reason is not None:
        raise ClientError(f"CLARIFY_EXPLAINER is tree, and {reason}")
    return model if reason is None else None
