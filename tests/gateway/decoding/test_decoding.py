from __future__ import annotations

import pytest

from modelyard.gateway.decoding import csv, decoder_for, json
from modelyard.gateway.errors import ModelRefusal


def test_parameters_and_case_of_a_content_type_do_not_matter() -> None:
    assert decoder_for(b"Text/CSV; charset=utf-8") is csv.decode
    assert decoder_for(b"application/json") is json.decode


def test_no_content_type_means_csv() -> None:
    assert decoder_for(b"") is csv.decode


def test_an_unknown_content_type_is_415_and_names_those_that_are_known() -> None:
    with pytest.raises(ModelRefusal, match=r"image/png.*text/csv.*application/jsonlines") as caught:
        decoder_for(b"image/png")
    assert caught.value.status == 415
