"""Who may do what, in sixty lines of plain Python: what the engine is compared with.

A policy of the small grammar is `effect (who, what, where) when condition`, each part maybe absent.
"""

from __future__ import annotations

from dataclasses import dataclass

READS = {"sagemaker:DescribeModel", "sagemaker:ListModels", "s3:GetObject"}


@dataclass(frozen=True)
class Rule:
    effect: str
    who: tuple[str, str] | None  # ("persona" | "role" | "account" | "is", value)
    what: tuple[str, ...]  # actions, or the groups read, write, sagemaker:*; none: all
    where: str | None  # an ARN
    condition: tuple[str, str] | None  # ("stage" | "kind" | "stage-member" | "own", value)

    def cedar(self, number: int) -> str:
        types = {"persona": "Persona", "role": "Role", "account": "Account"}
        who, what, where, when = "principal", "action", "resource", ""
        if self.who and self.who[0] == "is":
            who = f"principal is Modelyard::{self.who[1]}"
        elif self.who:
            who = f'principal in Modelyard::{types[self.who[0]]}::"{self.who[1]}"'
        if self.what:
            named = ", ".join(f'Modelyard::Action::"{name}"' for name in self.what)
            what = f"action in [{named}]"
        if self.where:
            where = f'resource == Modelyard::Resource::"{self.where}"'
        match self.condition:
            case ("stage", stage):
                when = f' when {{ resource.stage == "{stage}" }}'
            case ("kind", kind):
                when = f' when {{ resource.kind == "{kind}" }}'
            case ("own", _):
                when = " when { resource.account == principal.account }"
            case ("member", value):
                when = (
                    f' when {{ context.request has Stage && context.request.Stage == "{value}" }}'
                )
        return f'@id("p{number}") {self.effect} ({who}, {what}, {where}){when};'


@dataclass(frozen=True)
class Caller:
    type: str  # "Root", "User", "Session"
    account: str
    personas: frozenset[str]
    role: str


@dataclass(frozen=True)
class Call:
    action: str
    arn: str
    kind: str
    owner: str  # account of the resource
    stage: str  # of the owner
    member: str | None  # the request's Stage
    share: str | None  # what the resource's policy says of the caller's account: Allow, Deny, None


def matches(rule: Rule, caller: Caller, call: Call) -> bool:
    match rule.who:
        case ("persona", name) if name not in caller.personas:
            return False
        case ("role", arn) if arn != caller.role:
            return False
        case ("account", account) if account != caller.account:
            return False
        case ("is", type_) if type_ != caller.type:
            return False
    effect = "read" if call.action in READS else "write"
    groups = {call.action, effect, f"{call.action.partition(':')[0]}:*"}
    if rule.what and not groups & set(rule.what):
        return False
    if rule.where and rule.where != call.arn:
        return False
    match rule.condition:
        case ("stage", stage):
            return stage == call.stage
        case ("kind", kind):
            return kind == call.kind
        case ("own", _):
            return call.owner == caller.account
        case ("member", value):
            return call.member == value
    return True


def may(rules: list[Rule], caller: Caller, call: Call) -> bool:
    """Return whether a caller may, by these rules and the guardrails of accounts and shares."""
    if call.share == "Deny" or (call.owner != caller.account and call.share != "Allow"):
        return False
    found = {rule.effect for rule in rules if matches(rule, caller, call)}
    return found == {"permit"}
