from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_iris

from modelyard.images.xgboost import library, ubjson

FEATURES, LABELS = load_iris(return_X_y=True)


def model(booster: str) -> bytes:
    xgboost = library.load()
    parameters = {"booster": booster, "objective": "multi:softprob", "num_class": 3, "nthread": 1}
    trained = xgboost.train(parameters, xgboost.DMatrix(FEATURES, LABELS), 2)
    trained.set_attr(best_iteration="1")
    return bytes(trained.save_raw("ubj"))


MODELS = {booster: model(booster) for booster in ("gbtree", "dart", "gblinear")}


@pytest.mark.parametrize("booster", MODELS)
def test_a_model_of_xgboost_is_whole(booster: str) -> None:
    ubjson.check(MODELS[booster])


@given(st.data(), st.sampled_from(sorted(MODELS)))
def test_a_model_that_was_cut_off_anywhere_is_refused(data: st.DataObject, booster: str) -> None:
    whole = MODELS[booster]
    length = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError, match="byte"):
        ubjson.check(whole[:length])


@given(st.data())
def test_a_model_whose_end_was_never_written_is_refused(data: st.DataObject) -> None:
    whole = MODELS["gbtree"]
    length = data.draw(st.integers(0, len(whole) - 2))
    blank = whole[:length] + b"\0" * (len(whole) - length)
    if blank[:-2] != whole[:-2]:
        with pytest.raises(ValueError, match="byte"):
            ubjson.check(blank)


@pytest.mark.parametrize(
    "document",
    [b"Z", b"T", b"i\x01", b"SU\x03abc", b"[]", b"{}", b"[i\x01[ZF]]", b"[$i#i\x02ab", b"[#i\x01Z"],
)
def test_plain_values_are_whole(document: bytes) -> None:
    ubjson.check(document)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"hello",
        b"[$i",
        b"[$iU\x01",
        b"Si\xffabc",
        b"{i\x01a",
        b"[" * 1000,
        b"[$D#l\x7f\xff\xff\xff",
    ],
)
def test_what_is_no_value_is_refused(document: bytes) -> None:
    with pytest.raises(ValueError, match=r"byte|deeper"):
        ubjson.check(document)


@given(st.binary(max_size=60))
def test_any_bytes_are_judged(document: bytes) -> None:
    try:
        ubjson.check(document)
    except ValueError as error:
        assert str(error)
