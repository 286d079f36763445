from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.model import StructureShape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.api.forms import members_of, parsed_form
from modelyard.api.json_door import SERVICES as JSON_SERVICES
from modelyard.api.query_door import SERVICES as QUERY_SERVICES
from modelyard.api.shaping import shaped
from modelyard.api.xml import operation_document
from modelyard.operations.errors import SerializationError
from modelyard.operations.schema import Schema

SCHEMA = Schema()


def test_the_doors_names_are_botocores() -> None:
    for prefix, (service, signing_name) in JSON_SERVICES.items():
        metadata = SCHEMA.service(service).metadata
        assert metadata["targetPrefix"] == prefix
        assert SCHEMA.service(service).signing_name == signing_name
    for version, service in QUERY_SERVICES.items():
        assert SCHEMA.service(service).metadata["apiVersion"] == version
        assert SCHEMA.service(service).signing_name == service


def output_of(service: str, name: str) -> StructureShape:
    shape = SCHEMA.output_shape(service, name)
    assert shape is not None
    return shape


def test_json_times_are_epoch_seconds() -> None:
    moment = datetime(2023, 11, 14, 23, 13, 20, 250_000, tzinfo=timezone(timedelta(hours=1)))
    answer = shaped(output_of("sagemaker", "DescribeModel"), {"CreationTime": moment})
    assert answer == {"CreationTime": 1_700_000_000.25}


@pytest.mark.parametrize("write", ["json", "xml"])
def test_a_naive_time_is_a_bug(write: str) -> None:
    naive = {"Role": {"CreateDate": datetime(2023, 11, 14)}}  # noqa: DTZ001 - that is the point
    shape = output_of("iam", "GetRole")
    with pytest.raises(ValueError, match="naive"):
        if write == "json":
            shaped(shape, naive)
        else:
            operation_document(
                name="GetRole", namespace="n", shape=shape, answer=naive, request_id="r"
            )


_XML_CONTROLS = "\t\n\r"
text = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn"], include_characters=_XML_CONTROLS),
    max_size=10,
)
seconds = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(
    name=text,
    parameters=st.lists(st.fixed_dictionaries({"ParameterKey": text, "ParameterValue": text})),
    created=seconds,
    enabled=st.booleans(),
)
@settings(max_examples=50, deadline=None)
def test_botocore_reads_back_what_the_xml_says(
    name: str, parameters: list[dict[str, str]], created: datetime, enabled: bool
) -> None:
    created = created.replace(microsecond=created.microsecond // 1000 * 1000)
    stack = {
        "StackName": name,
        "CreationTime": created,
        "StackStatus": "CREATE_COMPLETE",
        "DisableRollback": enabled,
        "Parameters": parameters,
    }
    shape = output_of("cloudformation", "DescribeStacks")
    document = operation_document(
        name="DescribeStacks",
        namespace="http://cloudformation.amazonaws.com/doc/2010-05-15/",
        shape=shape,
        answer={"Stacks": [stack], "NextToken": None, "Unknown": 1},
        request_id="r",
    )
    response = {"body": document.encode(), "headers": {}, "status_code": 200, "context": {}}
    found: dict[str, Any] = create_parser("query").parse(response, shape)
    [read] = found["Stacks"]
    assert read == stack
    assert found["ResponseMetadata"]["RequestId"] == "r"
    ET.fromstring(document)


@given(
    name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    tags=st.lists(st.fixed_dictionaries({"Key": text, "Value": text}), max_size=3),
    minutes=st.integers(1, 1000),
    rollback=st.booleans(),
)
@settings(max_examples=50, deadline=None)
def test_what_botocore_writes_into_a_form_is_read_back(
    name: str, tags: list[dict[str, str]], minutes: int, rollback: bool
) -> None:
    request = {
        "StackName": name,
        "Tags": tags,
        "TimeoutInMinutes": minutes,
        "DisableRollback": rollback,
    }
    model = SCHEMA.operation("cloudformation", "CreateStack")
    body = create_serializer("query", include_validation=False).serialize_to_request(
        request, model
    )["body"]
    fields = parsed_form(urlencode(body).encode())
    assert members_of(SCHEMA.input_shape("cloudformation", "CreateStack"), fields) == request


@given(attributes=st.dictionaries(text.filter(bool), text, max_size=3))
@settings(max_examples=30, deadline=None)
def test_maps_cross_the_query_protocol(attributes: dict[str, str]) -> None:
    shape = output_of("sns", "GetTopicAttributes")
    document = operation_document(
        name="GetTopicAttributes",
        namespace="http://sns.amazonaws.com/doc/2010-03-31/",
        shape=shape,
        answer={"Attributes": attributes},
        request_id="r",
    )
    response = {"body": document.encode(), "headers": {}, "status_code": 200, "context": {}}
    assert create_parser("query").parse(response, shape)["Attributes"] == attributes

    request = {"Name": "t", "Attributes": attributes}
    model = SCHEMA.operation("sns", "CreateTopic")
    written = create_serializer("query", include_validation=False)
    body = written.serialize_to_request(request, model)["body"]
    fields = parsed_form(urlencode(body).encode())
    found = members_of(SCHEMA.input_shape("sns", "CreateTopic"), fields)
    assert {"Attributes": {}, **found} == request


def test_an_entry_without_a_key_is_refused() -> None:
    fields = parsed_form(b"Attributes.entry.1.value=v")
    with pytest.raises(SerializationError, match="no key"):
        members_of(SCHEMA.input_shape("sns", "CreateTopic"), fields)
