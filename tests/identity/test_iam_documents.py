from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.identity.iam_conditions import OPERATORS, ConditionValues
from modelyard.identity.iam_documents import DocumentError, evaluate, parse

A, B = "111111111111", "222222222222"
ROLE = f"arn:aws:iam::{A}:role/team/builder"
SESSION = f"arn:aws:sts::{A}:assumed-role/builder/me"
USER = f"arn:aws:iam::{A}:user/ada"
PROVIDER = f"arn:aws:iam::{B}:oidc-provider/issuer.example"
GROUP = f"arn:aws:sagemaker:us-east-1:{B}:model-package-group/churn"
ACTION = "sagemaker:DescribeModelPackageGroup"


def statement(**elements: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", **elements}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def said(
    *statements: dict[str, Any],
    arn: str = SESSION,
    account: str = A,
    action: str = ACTION,
    resource: str = GROUP,
    role: str = "",
    **values: Any,
) -> str | None:
    known: ConditionValues = values.pop("values", {})
    assert not values
    return evaluate(
        document(*statements),
        principal_arn=arn,
        principal_account=account,
        action=action,
        resource=resource,
        condition_values=known,
        role_arn=role,
    )


def faults(given: Any, *, trust: bool = False) -> tuple[str, ...]:
    with pytest.raises(DocumentError) as caught:
        parse(given, trust=trust)
    return caught.value.problems


def conditioned(operator: str, wanted: Any, **known: Any) -> bool:
    found = said(
        statement(Condition={operator: {"x:key": wanted}}),
        values={f"X:{name.capitalize()}": value for name, value in known.items()},
    )
    return found == "Allow"


@pytest.mark.parametrize(
    ("named", "arn", "account", "expected"),
    [
        ("*", SESSION, A, True),
        (A, SESSION, A, True),
        (A, USER, A, True),
        (f"arn:aws:iam::{A}:root", SESSION, A, True),
        (B, SESSION, A, False),
        (ROLE, SESSION, A, True),
        (f"arn:aws:iam::{A}:role/another", SESSION, A, False),
        (f"arn:aws:iam::{B}:role/builder", SESSION, A, False),
        (SESSION, SESSION, A, True),
        (SESSION, f"{SESSION}-too", A, False),
        (USER, USER, A, True),
        (USER, f"arn:aws:iam::{A}:user/adam", A, False),
        # A user is not its account's session of the same name.
        (f"arn:aws:iam::{A}:role/ada", USER, A, False),
    ],
)
def test_a_principal_is_named_by_account_user_role_or_session(
    named: str, arn: str, account: str, expected: bool
) -> None:
    found = said(statement(Principal={"AWS": [named]}), arn=arn, account=account)
    assert (found == "Allow") == expected


def test_a_known_role_is_compared_with_its_path() -> None:
    other = f"arn:aws:iam::{A}:role/other/builder"
    assert said(statement(Principal={"AWS": ROLE}), role=ROLE) == "Allow"
    assert said(statement(Principal={"AWS": other}), role=ROLE) is None


def test_who_is_of_no_account_must_be_named_exactly() -> None:
    by_star = statement()
    by_provider = statement(Principal={"Federated": PROVIDER})
    by_service = statement(Principal={"Service": "events.amazonaws.com"})
    assert said(by_star, arn=PROVIDER, account="") is None
    assert said(by_provider, arn=PROVIDER, account="") == "Allow"
    assert said(by_provider, arn=f"{PROVIDER}2", account="") is None
    assert said(by_provider, arn=PROVIDER, account=B) is None
    assert said(by_service, arn="events.amazonaws.com", account="") == "Allow"
    assert said(statement(Effect="Deny"), arn=PROVIDER, account="") == "Deny"


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"Action": "sagemaker:describe*"}, True),
        ({"Action": "SageMaker:DescribeModelPackageGrou?"}, True),
        ({"Action": ["sagemaker:Create*", "s3:*"]}, False),
        ({"Action": "sagemaker:Describe"}, False),
    ],
)
def test_actions_have_wildcards_and_no_case(elements: dict[str, Any], expected: bool) -> None:
    assert (said(statement(**elements)) == "Allow") == expected


def test_not_action_and_not_resource_are_all_but_these() -> None:
    but_action = {k: v for k, v in statement(NotAction="sagemaker:De*").items() if k != "Action"}
    but_group = {k: v for k, v in statement(NotResource=GROUP).items() if k != "Resource"}
    assert said(but_action) is None
    assert said(but_action, action="sagemaker:ListModels") == "Allow"
    assert said(but_group) is None
    assert said(but_group, resource=f"{GROUP}-2") == "Allow"


def test_resources_have_wildcards_and_a_document_without_any_is_about_its_own() -> None:
    bare = {k: v for k, v in statement().items() if k != "Resource"}
    assert said(bare) == "Allow"
    assert said(statement(Resource=f"{GROUP[:-5]}*")) == "Allow"
    assert said(statement(Resource=f"{GROUP}/*")) is None


@given(st.permutations([statement(), statement(Effect="Deny"), statement(Action="s3:*")]))
def test_a_deny_wins_wherever_it_stands(statements: list[dict[str, Any]]) -> None:
    assert said(*statements) == "Deny"


@pytest.mark.parametrize(
    ("operator", "wanted", "given", "expected"),
    [
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", "a", "A", False),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", ["a", "b"], "c", True),
        ("StringEqualsIgnoreCase", "Straße", "STRASSE", True),
        ("StringNotEqualsIgnoreCase", "a", "A", False),
        ("StringLike", "repo:org/*:ref", "repo:org/x:ref", True),
        ("StringNotLike", "repo:*", "repo:x", False),
        ("ArnLike", "arn:aws:iam::*:role/*", ROLE, True),
        ("ArnEquals", "arn:aws:iam::*:user/*", ROLE, False),
        ("ArnNotLike", "arn:aws:iam::*:user/*", ROLE, True),
        ("ArnNotEquals", ROLE, ROLE, False),
        ("Bool", True, "True", True),
        ("Bool", "false", "true", False),
        ("NumericEquals", 10, "10.0", True),
        ("NumericNotEquals", 10, "10", False),
        ("NumericLessThan", "10", "9.5", True),
        ("NumericLessThanEquals", "10", "10", True),
        ("NumericGreaterThan", "10", "9", False),
        ("NumericGreaterThanEquals", "1e1", "10", True),
        ("DateLessThan", "2026-02-01", "2026-01-31T23:59:59Z", True),
        ("DateGreaterThan", "2026-01-31T22:00:00-02:00", "2026-02-01T00:00:01Z", True),
        ("DateEquals", 0, "1970-01-01T00:00:00Z", True),
        ("IpAddress", ["203.0.113.0/24", "2001:db8::/32"], "203.0.113.9", True),
        ("IpAddress", "203.0.113.0/24", "::ffff:203.0.113.9", True),
        ("IpAddress", "203.0.113.0/24", "2001:db8::1", False),
        ("NotIpAddress", "203.0.113.0/24", "203.0.114.9", True),
    ],
)
def test_an_operator_compares(operator: str, wanted: Any, given: str, expected: bool) -> None:
    assert conditioned(operator, wanted, key=given) == expected


@given(st.sampled_from(sorted(OPERATORS)))
def test_a_missing_key_fulfils_only_negated_operators_and_if_exists(operator: str) -> None:
    readable = {"B": "true", "N": "1", "D": "2026-01-01", "A": ROLE, "S": "x", "I": "1.2.3.4"}
    wanted = readable["I" if "IpAddress" in operator else operator[0]]
    assert conditioned(operator, wanted) == ("Not" in operator)
    assert conditioned(f"{operator}IfExists", wanted)
    assert conditioned(f"ForAllValues:{operator}", wanted)
    assert not conditioned(f"ForAnyValue:{operator}", wanted)


def test_null_asks_whether_the_key_is_there() -> None:
    assert conditioned("Null", "true")
    assert not conditioned("Null", "true", key="x")
    assert conditioned("Null", False, key="x")
    assert conditioned("Null", "true", key=[])


values = st.lists(st.sampled_from("abc"), min_size=1, max_size=3)


@given(values, values)
def test_several_values_are_quantified(wanted: list[str], known: list[str]) -> None:
    def holds(operator: str) -> bool:
        return conditioned(operator, wanted, key=known)

    inside = [value in wanted for value in known]
    assert holds("ForAnyValue:StringEquals") == any(inside)
    assert holds("ForAllValues:StringEquals") == all(inside)
    assert holds("ForAnyValue:StringNotEquals") == (not all(inside))
    assert holds("ForAllValues:StringNotEquals") == (not any(inside))
    assert holds("StringEquals") == any(inside)
    assert holds("StringNotEquals") == (not any(inside))


def test_all_operators_and_keys_of_a_statement_must_hold() -> None:
    both = statement(Condition={"StringEquals": {"a:b": "1", "a:c": "2"}, "Bool": {"a:d": "true"}})
    known = {"a:b": "1", "a:c": "2", "a:d": "true"}
    assert said(both, values=known) == "Allow"
    for key in known:
        assert said(both, values={**known, key: "else"}) is None


@pytest.mark.parametrize("operator", ["NumericNotEquals", "NotIpAddress", "DateEquals", "Bool"])
def test_what_cannot_be_compared_is_never_to_the_callers_good(operator: str) -> None:
    wanted = {"N": "1", "D": "2026-01-01", "B": "true"}[operator[0]]
    condition = {operator: {"x:key": "1.2.3.4" if "Ip" in operator else wanted}}
    known = {"x:key": "in-process"}
    assert said(statement(Condition=condition), values=known) is None
    assert said(statement(Effect="Deny", Condition=condition), values=known) == "Deny"


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        ({"NotPrincipal": "*"}, "NotPrincipal: is not offered"),
        ({"Efect": "Allow"}, "Efect"),
        ({"Effect": "allow"}, "Effect: must be Allow or Deny"),
        ({"Principal": {"CanonicalUser": "x"}}, "CanonicalUser"),
        ({"Principal": {"AWS": "arn:aws:iam::*:root"}}, "arn:aws:iam::*:root"),
        ({"Principal": {"AWS": "someone"}}, "someone"),
        ({"Principal": {"Service": "sagemaker"}}, "sagemaker"),
        ({"Principal": {"Federated": "accounts.google.com"}}, "accounts.google.com"),
        ({"Principal": {}}, "Principal"),
        ({"NotAction": "*"}, "Action or NotAction, and not both"),
        ({"Action": []}, "Action: must be a text"),
        ({"Action": "DescribeModel"}, "DescribeModel"),
        ({"Resource": "model/m"}, "model/m"),
        ({"Resource": "arn:aws:s3:::${aws:username}"}, "policy variables"),
        ({"NotResource": "*"}, "Resource or NotResource, and not both"),
        ({"Condition": {"StringEqual": {"a:b": "x"}}}, "did you mean StringEquals"),
        ({"Condition": {"BinaryEquals": {"a:b": "x"}}}, "BinaryEquals"),
        ({"Condition": {"ForSomeValues:StringLike": {"a:b": "x"}}}, "ForSomeValues"),
        ({"Condition": {"NullIfExists": {"a:b": "true"}}}, "Null stands alone"),
        ({"Condition": {"Bool": {"a:b": "yes"}}}, "true or false"),
        ({"Condition": {"NumericEquals": {"a:b": "nan"}}}, "must be a number"),
        ({"Condition": {"DateEquals": {"a:b": "soon"}}}, "must be a date"),
        ({"Condition": {"IpAddress": {"a:b": "10.0.0.0/99"}}}, "10.0.0.0/99"),
        ({"Condition": {"ArnLike": {"a:b": "role/*"}}}, "must be an ARN"),
        ({"Condition": {"StringEquals": {"SourceIp": "x"}}}, "prefix:name"),
        ({"Condition": {"StringEquals": {"a:b": []}}}, "has no value"),
        ({"Condition": {"StringEquals": {"a:b": {"c": 1}}}}, "a value is"),
        ({"Condition": {"StringEquals": "x"}}, "must be an object of keys"),
        ({"Condition": []}, "must be an object of operators"),
    ],
)
def test_what_is_not_understood_is_named(broken: dict[str, Any], named: str) -> None:
    found = faults(document(statement(**broken)))
    assert any(named in fault and fault.startswith("Statement[0]") for fault in found), found


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "characters, more than"),
        ("[" * 20_000, "not JSON"),
        ("[]", "JSON object"),
        ('{"Statement": [], "Statement": []}', "given twice"),
        ({"Version": "2012-10-17"}, "Statement"),
        ({"Statement": []}, "Statement"),
        ({"Version": "2020-01-01", "Statement": statement()}, "2020-01-01"),
        ({"Statement": statement(), "Statements": []}, "Statements"),
        (document(statement(Sid="a"), statement(Sid="a")), "'a' is given twice"),
    ],
)
def test_a_broken_document_is_refused(given: Any, named: str) -> None:
    assert any(named in fault for fault in faults(given))


def test_all_faults_are_named_at_once() -> None:
    found = faults(document(statement(Effect="x", Sidd="y"), statement(Action="z")))
    assert len(found) == 3


def test_a_trust_policy_is_about_its_own_role() -> None:
    given = {k: v for k, v in statement(Action="sts:AssumeRole").items() if k != "Resource"}
    assert parse(document(given), trust=True)
    assert any("no Resource" in fault for fault in faults(document(statement()), trust=True))
    assert any(
        "s3:GetObject" in f
        for f in faults(document({**given, "Action": "s3:GetObject"}), trust=True)
    )


def test_text_and_object_say_the_same() -> None:
    given = document(statement())
    assert parse(json.dumps(given)) == parse(given)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
elements = st.sampled_from(
    ["Effect", "Sid", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"]
)


@given(st.dictionaries(elements, json_values, max_size=4))
def test_any_json_is_a_document_or_a_document_error(replaced: dict[str, Any]) -> None:
    try:
        parse(document(statement(**replaced)))
    except DocumentError as error:
        assert error.problems


@given(elements.flatmap(lambda name: st.text(min_size=1).map(lambda tail: name + tail)))
def test_no_unknown_element_is_passed_over(name: str) -> None:
    assert faults(document(statement(**{name: "x"})))
