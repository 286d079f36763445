"""Who else may run an account's images: the accounts of the stages that it delivers to.

As the reference does with the repositories that it makes itself: what is built in the
orchestrator's account is what dev, staging and prod run, and reading is all that they may.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any


class DeliveredImages:
    """Finds the policy of each of an account's image repositories.

    Args:
        account: whose repositories they are.
        stages: the accounts that it delivers to.
    """

    def __init__(self, account: str, stages: Sequence[str]) -> None:
        self._repository = re.compile(rf"arn:aws[a-z-]*:ecr:[a-z0-9-]+:{account}:repository/.+")
        self._document = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": [f"arn:aws:iam::{stage}:root" for stage in stages]},
                    "Action": ["ecr:BatchGetImage"],
                    "Resource": "*",
                }
            ],
        }

    def documents(self, arn: str) -> Sequence[Mapping[str, Any]]:
        """Return the documents of a resource; none where it is no such repository."""
        return [self._document] if self._repository.fullmatch(arn) else []
