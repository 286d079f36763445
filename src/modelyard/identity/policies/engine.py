"""One decision: Cedar's, over the policies that can match and the facts that they look at.

Cedar denies by default and lets `forbid` win. To that one rule is added: a policy that fails (it
compares a text with a number) is not passed over, as Cedar does, since a `forbid` that a caller can
make fail forbids nothing. Whatever fails refuses the call.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import cedarpy

from modelyard.identity.policies.entities import ACTION, RESOURCE, Subject, Target, action_entity
from modelyard.identity.policies.library import Slice
from modelyard.identity.policies.requests import Unjudgeable, record_of

ShareVerdict = Literal["Allow", "Deny", "None"]
_MAX_REMEMBERED_TEXT = 4096  # characters of a question; all that is remembered is 16 MiB


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What a policy may ask of a call, beside who does what to which resource."""

    source: str
    region: str
    request: Mapping[str, Any]
    shared: ShareVerdict = "None"  # what the resource's own policy says
    named: bool = False  # it allows this very principal, not just its account


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the policies say."""

    allowed: bool
    policies: tuple[str, ...]  # the ids of those that decided, sorted
    failure: str = ""  # why no decision could be made, if so: then it is a refusal


def judge(
    chosen: Slice,
    subject: Subject,
    action: str,
    target: Target,
    circumstances: Circumstances,
) -> Verdict:
    """Return the decision; raises nothing, whatever the request holds."""
    if not chosen.ids:
        return Verdict(allowed=False, policies=())
    try:
        answer = _asked(chosen, subject, action, target, circumstances)
    except Unjudgeable as error:
        return Verdict(allowed=False, policies=(), failure=str(error))
    except (ValueError, TypeError, RecursionError, KeyError) as error:
        return Verdict(
            allowed=False,
            policies=(),
            failure=f"the policies cannot be asked about it: {_short(error)}",
        )
    if answer.diagnostics.errors:
        return Verdict(
            allowed=False,
            policies=(),
            failure=f"a policy failed: {_short(answer.diagnostics.errors[0])}",
        )
    return Verdict(allowed=answer.allowed, policies=tuple(sorted(answer.diagnostics.reasons)))


def _asked(
    chosen: Slice, subject: Subject, action: str, target: Target, circumstances: Circumstances
) -> cedarpy.AuthzResult:
    context = {
        "source": circumstances.source,
        "region": circumstances.region,
        "shared": circumstances.shared,
        "named": circumstances.named,
        "request": record_of(circumstances.request, chosen.looks.members),
    }
    entities = [subject.entity(), action_entity(action), target.entity()]
    question = json.dumps([subject.type, subject.arn, action, target.arn, context])
    told = json.dumps(entities)
    if len(question) + len(told) > _MAX_REMEMBERED_TEXT:
        return _answer(chosen.set, question, told)
    return _remembered(chosen.set, question, told)


def _answer(policies: cedarpy.PolicySet, question: str, entities: str) -> cedarpy.AuthzResult:
    kind, principal, action, resource, context = json.loads(question)
    asked = {
        "principal": {"type": kind, "id": principal},
        "action": {"type": ACTION, "id": action},
        "resource": {"type": RESOURCE, "id": resource},
        "context": json.dumps(context),
    }
    return cedarpy.is_authorized(asked, policies, entities)


#: The answer follows from the policies and the question alone, and callers ask the same again.
_remembered = lru_cache(maxsize=4096)(_answer)


def _short(problem: object) -> str:
    return " ".join(str(problem).split())[:300]
