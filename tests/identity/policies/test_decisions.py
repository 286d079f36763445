"""The engine against a small model of who may do what, and against requests of any shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.arns import role_arn
from modelyard.identity.authorisation import Permissions
from modelyard.identity.policies.book import PolicyBook, shipped_policies
from modelyard.identity.policies.directory import Entry
from modelyard.identity.policies.library import Library
from modelyard.identity.policies.shares import Shares
from modelyard.identity.policies.texts import read_policies
from modelyard.identity.principals import root_of, session_of, user_of
from modelyard.operations.context import Context, Principal
from tests.identity.policies.small_model import Call, Caller, Rule, may

STAGES = {"1" * 12: "dev", "2" * 12: "prod", "3" * 12: "orchestrator"}
ACCOUNTS = sorted(STAGES)
PERSONAS = ["auditing", "building", "owning"]
ACTIONS = ["sagemaker:DescribeModel", "sagemaker:CreateModel", "s3:GetObject", "events:PutRule"]
KINDS = ["model", "endpoint-config"]
ROLES = [role_arn(account=account, name="r") for account in ACCOUNTS]


class ToyDirectory:
    """Knows what a test tells it."""

    def __init__(self, personas: frozenset[str]) -> None:
        self._personas = personas

    def personas(self, principal: Principal) -> frozenset[str]:
        return self._personas

    def tags(self, principal: Principal) -> Mapping[str, str]:
        return {}

    def of_role(self, role_arn: str) -> Entry:
        return Entry()

    def stage(self, account: str) -> str:
        return STAGES.get(account, "")


class ToyShare:
    """A resource's own policy, for one account."""

    def __init__(self, arn: str, effect: str | None, account: str) -> None:
        self._arn, self._effect, self._account = arn, effect, account

    def documents(self, arn: str) -> Sequence[Mapping[str, Any]]:
        if arn != self._arn or self._effect is None:
            return []
        statement = {
            "Effect": self._effect,
            "Principal": {"AWS": self._account},
            "Action": "*",
            "Resource": arn,
        }
        return [{"Version": "2012-10-17", "Statement": [statement]}]


class ToyBook(PolicyBook):
    """Holds the rules of a test beside the guardrails of accounts and shares."""

    def __init__(self, text: str) -> None:
        super().__init__()
        kept = {"guardrail-own-account", "guardrail-resource-policy"}
        guardrails = [policy for policy in shipped_policies() if policy.id in kept]
        library = Library([*guardrails, *read_policies("toy", text)])
        self._edition = type(self._edition)(library=library, generation=1)


def arn_of(account: str, kind: str, name: str) -> str:
    return f"arn:aws:sagemaker:us-east-1:{account}:{kind}/{name}"


ARNS = [arn_of(account, kind, "x") for account in ACCOUNTS for kind in KINDS]
WHO = st.one_of(
    st.none(),
    st.tuples(st.just("persona"), st.sampled_from(PERSONAS)),
    st.tuples(st.just("role"), st.sampled_from(ROLES)),
    st.tuples(st.just("account"), st.sampled_from(ACCOUNTS)),
    st.tuples(st.just("is"), st.sampled_from(["Root", "User", "Session"])),
)
CONDITION = st.one_of(
    st.none(),
    st.tuples(st.just("stage"), st.sampled_from(sorted(STAGES.values()))),
    st.tuples(st.just("kind"), st.sampled_from(KINDS)),
    st.just(("own", "")),
    st.tuples(st.just("member"), st.sampled_from(["Production", "Staging"])),
)
RULES = st.lists(
    st.builds(
        Rule,
        st.sampled_from(["permit", "permit", "forbid"]),
        WHO,
        st.lists(st.sampled_from([*ACTIONS, "read", "write", "sagemaker:*"]), max_size=2).map(
            tuple
        ),
        st.one_of(st.none(), st.none(), st.sampled_from(ARNS)),
        CONDITION,
    ),
    max_size=6,
)


@st.composite
def callers(draw: st.DrawFn) -> Caller:
    kind = draw(st.sampled_from(["Root", "User", "Session"]))
    account = draw(st.sampled_from(ACCOUNTS))
    personas = frozenset(draw(st.lists(st.sampled_from(PERSONAS), max_size=2)))
    role = role_arn(account=account, name="r") if kind == "Session" else ""
    return Caller(kind, account, personas, role)


@st.composite
def calls(draw: st.DrawFn) -> Call:
    owner, kind = draw(st.sampled_from(ACCOUNTS)), draw(st.sampled_from(KINDS))
    return Call(
        action=draw(st.sampled_from(ACTIONS)),
        arn=arn_of(owner, kind, "x"),
        kind=kind,
        owner=owner,
        stage=STAGES[owner],
        member=draw(st.sampled_from([None, "Production", "Staging"])),
        share=draw(st.sampled_from([None, None, "Allow", "Deny"])),
    )


def principal_of(caller: Caller) -> Principal:
    if caller.type == "Root":
        return root_of(caller.account)
    if caller.type == "User":
        return user_of(f"arn:aws:iam::{caller.account}:user/u")
    return session_of(caller.role, "s")


def context_of(principal: Principal) -> Context:
    return Context(
        account=principal.account,
        region="us-east-1",
        principal=principal,
        request_id="r",
        source="192.0.2.1",
    )


@settings(max_examples=300, deadline=None)
@given(RULES, callers(), calls())
def test_the_engine_decides_as_the_small_model_does(
    rules: list[Rule], caller: Caller, call: Call
) -> None:
    text = "\n".join(rule.cedar(number) for number, rule in enumerate(rules))
    permissions = Permissions(
        ToyBook(text),
        ToyDirectory(caller.personas),
        Shares([ToyShare(call.arn, call.share, caller.account)]),
    )
    request = {} if call.member is None else {"Stage": call.member}
    context = context_of(principal_of(caller))
    found = permissions.decide(context, call.action, call.arn, request)
    assert found.allowed is may(rules, caller, call), (text, found)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["Production", "\ud800", "\x00", 2**80, -(2**90)]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=4)
            | st.sampled_from(["Stage", "StageStatus", "__entity", "__extn", "__expr"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
MEMBERS = st.sampled_from(["ModelLifeCycle", "ModelApprovalStatus", "Other", "__entity", "RoleArn"])
LOOKING = (
    'permit (principal, action, resource) when { context.request == {"a": 1} };'
    "permit (principal, action, resource) when { context.request has ModelLifeCycle && "
    "context.request.ModelLifeCycle has Stage && context.request.ModelLifeCycle.Stage > 1 };"
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(MEMBERS | st.text(max_size=5), JSON, max_size=4), st.booleans(), st.text())
def test_any_request_gets_a_decision(request: dict[str, Any], looking: bool, name: str) -> None:
    book = ToyBook(LOOKING) if looking else PolicyBook()
    permissions = Permissions(book, ToyDirectory(frozenset({"ml-engineer"})), Shares())
    context = context_of(session_of(ROLES[0], "s"))
    for resource in (ARNS[0], name):
        found = permissions.decide(context, "sagemaker:UpdateModelPackage", resource, request)
        assert found.allowed is (found.refusal == "")


def test_a_policy_that_fails_refuses_instead_of_being_passed_over() -> None:
    text = (
        "permit (principal, action, resource);"
        "forbid (principal, action, resource) when { context.request has A && "
        "context.request.A.B == 1 };"
    )
    permissions = Permissions(ToyBook(text), ToyDirectory(frozenset()), Shares())
    context = context_of(root_of(ACCOUNTS[0]))
    ask = ("sagemaker:CreateModel", ARNS[0])
    assert permissions.decide(context, *ask, {}).allowed
    found = permissions.decide(context, *ask, {"A": "no record"})
    assert not found.allowed
    assert "a policy failed" in found.refusal


def test_a_member_that_is_too_large_to_be_judged_is_refused_where_a_policy_looks() -> None:
    text = (
        "permit (principal, action, resource);"
        "forbid (principal, action, resource) when { context.request has A && "
        'context.request.A == "x" };'
    )
    permissions = Permissions(ToyBook(text), ToyDirectory(frozenset()), Shares())
    context = context_of(root_of(ACCOUNTS[0]))
    ask = ("sagemaker:CreateModel", ARNS[0])
    large = "y" * 70_000
    assert permissions.decide(context, *ask, {"B": large}).allowed
    assert "longer than" in permissions.decide(context, *ask, {"A": large}).refusal
    deep: Any = "x"
    for _ in range(30):
        deep = [deep]
    assert "nested deeper" in permissions.decide(context, *ask, {"A": deep}).refusal
    assert "which no policy" in permissions.decide(context, *ask, {"A": {"__entity": 1}}).refusal
