from __future__ import annotations

import io
import json

import numpy as np
import pytest
from scipy import sparse

from modelyard.images.script_mode.content import decode, encode
from modelyard.images.serving import Refused


def test_json_csv_npy_and_npz_become_arrays() -> None:
    rows = np.array([[1.0, 2.5], [3.0, 4.0]])
    npy, npz = io.BytesIO(), io.BytesIO()
    np.save(npy, rows)
    sparse.save_npz(npz, sparse.csr_matrix(rows))
    assert np.array_equal(decode(json.dumps(rows.tolist()), "application/json"), rows)
    assert np.array_equal(decode("1,2.5\n3,4\n", "text/csv; charset=utf-8"), rows)
    assert np.array_equal(decode(npy.getvalue(), "application/x-npy"), rows)
    assert np.array_equal(decode(npz.getvalue(), "application/x-npz").toarray(), rows)


def test_predictions_become_what_is_accepted() -> None:
    values = np.array([0.5, 1.0], dtype=np.float32)
    assert encode(values, "application/json") == b"[0.5, 1.0]"
    assert encode({"score": values}, "application/json") == b'{"score": [0.5, 1.0]}'
    assert encode(values, "text/csv") == b"0.5\n1.0\n"
    assert np.array_equal(np.load(io.BytesIO(encode(values, "application/x-npy"))), values)


def test_unknown_types_are_refused_with_those_that_are_known() -> None:
    with pytest.raises(Refused, match=r"image/png.*text/csv") as asked:
        decode(b"", "image/png")
    assert asked.value.status == 415
    with pytest.raises(Refused, match=r"image/png.*text/csv") as accepted:
        encode([1], "image/png")
    assert accepted.value.status == 406


def test_a_body_that_is_broken_is_the_callers_error() -> None:
    with pytest.raises(Refused) as broken:
        decode("{", "application/json")
    assert broken.value.status == 400


def test_a_pickled_array_is_not_unpickled() -> None:
    pickled = io.BytesIO()
    np.save(pickled, np.array([object()]), allow_pickle=True)
    with pytest.raises(Refused) as refused:
        decode(pickled.getvalue(), "application/x-npy")
    assert refused.value.status == 400
