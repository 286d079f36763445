from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.images.training.errors import ClientError
from modelyard.images.xgboost.hyperparameters import ALIASES, KINDS, Hyperparameters, validate


def valid(**texts: str) -> Hyperparameters:
    return validate({"num_round": "10", **texts})


def refused(texts: dict[str, str], *, hosts: int = 1) -> str:
    with pytest.raises(ClientError) as caught:
        validate({"num_round": "10", **texts}, hosts=hosts)
    return str(caught.value)


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(ClientError) as caught:
        validate({"eta": "7", "max_dept": "3", "objective": "multi:softmax"})
    assert str(caught.value) == (
        "4 hyperparameters are wrong: num_round is required: the number of rounds to train; "
        "eta=7 must be a number in [0, 1]; "
        "max_dept=3 is not a hyperparameter of this image: did you mean max_depth?; "
        "num_class is required with objective=multi:softmax: the number of classes"
    )


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("num_round", "0", "must be an integer >= 1"),
        ("num_round", "1.5", "must be an integer >= 1"),
        ("num_round", "1_0", "must be an integer >= 1"),
        ("num_round", "99999999999", "must be an integer >= 1"),
        ("eta", "nan", "must be a number in [0, 1]"),
        ("eta", "", "must be a number in [0, 1]"),
        ("subsample", "0", "must be a number in (0, 1]"),
        ("gamma", "-0.1", "must be a number >= 0"),
        ("gamma", "inf", "must be a number >= 0"),
        ("scale_pos_weight", "0", "must be a number > 0"),
        ("tweedie_variance_power", "2", "must be a number in (1, 2)"),
        ("booster", "tree", "must be one of gbtree, gblinear, dart"),
        ("csv_weights", "2", "must be an integer in [0, 1]"),
        ("save_model_on_termination", "yes", "must be true or false"),
        ("updater", "grow_skmaker", "must be a comma-separated list of"),
        ("monotone_constraints", "(1,2)", "must be a tuple of -1, 0 and 1"),
        ("monotone_constraints", "__import__('os')", "must be a tuple of -1, 0 and 1"),
        ("interaction_constraints", "[[0,-1]]", "must be a list of lists"),
        ("interaction_constraints", "[0,1]", "must be a list of lists"),
        ("eval_metric", "auc,gain", "has 'gain', which is not one of"),
        ("eval_metric", "auc@3", "has 'auc@3', which is not one of"),
        ("eval_metric", "ndcg@0", "has 'ndcg@0', which is not one of"),
        ("_tuning_objective_metric", "auc", "must be train: or validation:"),
        ("num_class", "1", "must be an integer >= 2"),
    ],
)
def test_a_value_that_breaks_its_rule_is_named_with_the_rule(
    name: str, text: str, rule: str
) -> None:
    assert f"{name}={text} {rule}" in refused({name: text})


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"num_class": "3"}, "num_class=3 is for multi:softmax and multi:softprob"),
        ({"eval_metric": "auc"}, "eval_metric=auc can judge binary:*"),
        ({"objective": "multi:softprob", "num_class": "3", "eval_metric": "rmse"}, "several"),
        ({"objective": "binary:logistic", "base_score": "1"}, "must be a number in (0, 1)"),
        ({"booster": "gblinear", "updater": "prune"}, "one of shotgun, coord_descent"),
        ({"updater": "shotgun"}, "booster=gblinear only"),
        ({"updater": "prune"}, "must begin with one of grow_colmaker"),
        ({"updater": "grow_colmaker,grow_histmaker"}, "and have no other of them"),
        ({"tree_method": "exact", "max_depth": "0"}, "max_depth=0 must be an integer >= 1"),
        ({"booster": "gblinear", "monotone_constraints": "(1)"}, "is for trees"),
        ({"process_type": "update"}, "only process_type=default is offered"),
        ({"tree_method": "gpu_hist"}, "needs a GPU"),
        ({"predictor": "gpu_predictor"}, "needs a GPU"),
        ({"use_dask_gpu_training": "true"}, "needs GPUs"),
        ({"_num_cv_round": "2"}, "_num_cv_round=2 needs _kfold"),
        ({"_kfold": "3", "objective": "rank:ndcg"}, "would split the groups"),
        ({"learning_rate": "0.1", "eta": "0.1"}, "learning_rate=0.1 says the same as eta=0.1"),
        ({"sagemaker_program": '"train.py"'}, "asks for script mode"),
    ],
)
def test_hyperparameters_that_do_not_go_together_are_refused(
    texts: dict[str, str], words: str
) -> None:
    assert words in refused(texts)


@pytest.mark.parametrize(
    "texts",
    [
        {"tree_method": "exact"},
        {"booster": "gblinear"},
        {"updater": "grow_colmaker"},
        {"updater": "grow_quantile_histmaker,prune"},
        {"_kfold": "3"},
        {"objective": "survival:cox"},
    ],
)
def test_what_works_on_one_host_only_is_refused_on_two(texts: dict[str, str]) -> None:
    valid(**texts)
    assert "works on one host only" in refused(texts, hosts=2)


def test_aliases_mean_the_same_as_their_names() -> None:
    assert valid(learning_rate="0.5", reg_alpha="2").booster == {
        "eta": 0.5,
        "alpha": 2.0,
        "objective": "reg:squarederror",
    }


def test_the_metric_of_a_tuning_job_is_evaluated_too_and_stops_training() -> None:
    hp = valid(_tuning_objective_metric="validation:mae", eval_metric="rmse")
    assert hp.metrics == ("rmse", "mae")
    assert hp.stopping_metric == "mae"
    assert hp.tuned_channel == "validation"


def test_the_last_metric_asked_for_stops_training() -> None:
    assert valid(eval_metric="rmse, mae").stopping_metric == "mae"


def test_what_xgboost_has_dropped_is_accepted_with_a_note() -> None:
    hp = valid(sketch_eps="0.03", predictor="cpu_predictor", silent="1")
    assert hp.booster == {"objective": "reg:squarederror"}
    assert [note.split()[0] for note in hp.notes] == ["predictor", "silent", "sketch_eps"]


def test_the_old_name_of_an_objective_is_accepted() -> None:
    assert valid(objective="reg:linear").objective == "reg:squarederror"


def test_a_linear_booster_gets_the_repeatable_updater() -> None:
    assert valid(booster="gblinear").booster["updater"] == "coord_descent"


@given(st.text(max_size=12))
def test_a_text_of_any_kind_is_a_value_or_a_problem_for_every_parameter(text: str) -> None:
    for name, kind in KINDS.items():
        try:
            kind.parse(text)
        except ValueError as error:
            assert str(error).startswith(("must ", "has ")), name


@given(
    st.dictionaries(
        st.sampled_from([*KINDS, *ALIASES, "nonsense"]),
        st.sampled_from(["0", "1", "2", "0.5", "-1", "true", "auc", "gbtree", "(1)", "[[0]]"]),
        max_size=8,
    ),
    st.integers(1, 3),
)
def test_any_hyperparameters_are_taken_or_refused_with_their_names(
    texts: dict[str, str], hosts: int
) -> None:
    try:
        hp = validate(texts, hosts=hosts)
    except ClientError as error:
        assert "wrong: " in str(error)
    else:
        assert hp.num_round >= 1


@given(st.floats(0, 1))
def test_a_number_is_read_as_python_writes_it(value: float) -> None:
    assert valid(eta=repr(value)).booster["eta"] == value


@given(st.floats())
def test_a_learning_rate_outside_of_its_interval_is_refused(value: float) -> None:
    if not (0 <= value <= 1) or math.isnan(value):
        assert "must be a number in [0, 1]" in refused({"eta": repr(value)})
