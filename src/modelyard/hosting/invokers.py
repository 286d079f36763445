"""Who may invoke an endpoint: the questions of the gateway's workers, put to the policies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from modelyard.gateway.permits import ACTION
from modelyard.gateway.routes import Verdict
from modelyard.operations.context import Context, Principal
from modelyard.operations.table import Decision

#: `OperationTable.decide`.
Decide = Callable[[Context, str, str, Mapping[str, Any]], Decision]


class Invokers:
    """Answers the gateway.

    Args:
        decide: says who may do what; it may wait for the database.
    """

    def __init__(self, decide: Decide) -> None:
        self._decide = decide

    async def judge(self, question: Mapping[str, Any]) -> Verdict:
        """Return whether the caller of `question` may invoke its endpoint; see `gateway.permits`.

        Nothing is written down for it: the worker reports what it then lets in or refuses.
        """
        context = Context(
            account=question["account"],
            region=question["region"],
            principal=Principal(
                account=question["account"],
                arn=question["arn"],
                user_id=question["user_id"],
                person=question["person"],
                role=question["role"],
            ),
            request_id="",
            source="gateway",
            door="gateway",
        )
        request = {"EndpointName": question["endpoint"]}
        if question["variant"]:
            request["TargetVariant"] = question["variant"]
        decision = await asyncio.to_thread(
            self._decide, context, ACTION, question["resource"], request
        )
        return Verdict(
            number=question["number"],
            allowed=decision.allowed,
            refusal=decision.refusal,
            policies=decision.policies,
        )
