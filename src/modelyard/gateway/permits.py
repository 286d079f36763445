"""Who may invoke what: asked of the control plane, and remembered for a moment.

A worker knows no policies. It asks over its line to the control plane, and keeps each answer for
`KEPT_SECONDS`; one that is still used past half of that is asked for again beside the traffic, so
that nobody waits but the first. What is not answered in time is refused: no answer is no permit.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from modelyard.arns import sagemaker_arn
from modelyard.gateway.authentication import Caller
from modelyard.gateway.routes import Verdict

ACTION = "sagemaker:InvokeEndpoint"
KEPT_SECONDS = 4.0
ANSWER_SECONDS = 5.0
MAX_KEPT = 4096
MAX_ASKED = 256


class Question(NamedTuple):
    """May this caller invoke this endpoint, and this variant of it if it names one?"""

    caller: Caller
    endpoint: str  # its name in small letters, as ARNs have it
    variant: str

    @property
    def resource(self) -> str:
        """The endpoint's ARN."""
        caller = self.caller
        return sagemaker_arn(
            account=caller.account, region=caller.region, kind="endpoint", name=self.endpoint
        )


class Permit(NamedTuple):
    """The control plane's answer."""

    allowed: bool
    refusal: str
    policies: tuple[str, ...]
    renew_at: float  # of time.monotonic
    ends_at: float


class Permits:
    """A worker's memory of answers. `find` is safe from any thread, the rest is the loop's.

    Args:
        tell: sends a message to the control plane.
    """

    def __init__(self, tell: Callable[[Mapping[str, Any]], None]) -> None:
        self._tell = tell
        self._kept: dict[Question, Permit] = {}
        self._asked: dict[Question, asyncio.Future[None]] = {}
        self._numbers: dict[int, Question] = {}
        self._number = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def find(self, question: Question) -> Permit | None:
        """Return the answer, if it is known; have it renewed if it will not be for long."""
        permit = self._kept.get(question)
        if permit is None:
            return None
        now = time.monotonic()
        if now >= permit.ends_at:
            return None
        if now >= permit.renew_at and self._loop is not None:
            # Once is enough: the answer replaces this, and without one it ends at its time.
            self._kept[question] = permit._replace(renew_at=permit.ends_at)
            self._loop.call_soon_threadsafe(self._ask, question)
        return permit

    async def ask(self, question: Question) -> None:
        """Have `find` know an answer, if one comes in time."""
        self._loop = asyncio.get_running_loop()
        answered = self._ask(question)
        if answered is not None:
            await asyncio.wait([answered], timeout=ANSWER_SECONDS)

    def hear(self, verdict: Verdict) -> None:
        """Take an answer."""
        question = self._numbers.pop(verdict.number, None)
        if question is None:
            return  # asked before all was forgotten
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        now = time.monotonic()
        self._kept[question] = Permit(
            allowed=verdict.allowed,
            refusal=verdict.refusal,
            policies=tuple(verdict.policies),
            renew_at=now + KEPT_SECONDS / 2,
            ends_at=now + KEPT_SECONDS,
        )
        self._answered(question)

    def forget(self) -> None:
        """Forget all answers, also those under way: who may do what has changed."""
        self._kept.clear()
        self._numbers.clear()
        for question in list(self._asked):
            self._answered(question)

    def _ask(self, question: Question) -> asyncio.Future[None] | None:
        found = self._asked.get(question)
        if found is not None:
            return found
        if len(self._asked) >= MAX_ASKED:
            return None
        asked = asyncio.get_running_loop().create_future()
        self._asked[question] = asked
        self._number += 1
        number = self._number
        self._numbers[number] = question
        caller = question.caller
        self._tell(
            {
                "type": "decide",
                "number": number,
                "account": caller.account,
                "region": caller.region,
                "arn": caller.arn,
                "user_id": caller.user_id,
                "person": caller.person,
                "role": caller.role,
                "resource": question.resource,
                "endpoint": question.endpoint,
                "variant": question.variant,
            }
        )
        # A question without an answer is let go of, and may be asked again.
        asyncio.get_running_loop().call_later(ANSWER_SECONDS, self._give_up, number, asked)
        return asked

    def _give_up(self, number: int, asked: asyncio.Future[None]) -> None:
        question = self._numbers.pop(number, None)
        if question is not None and self._asked.get(question) is asked:
            self._answered(question)

    def _answered(self, question: Question) -> None:
        asked = self._asked.pop(question, None)
        if asked is not None and not asked.done():
            asked.set_result(None)
