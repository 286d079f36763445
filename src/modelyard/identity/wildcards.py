"""`*` and `?` in the policies' texts: any run of characters, and any one."""

from __future__ import annotations

ARN_PARTS = 6  # arn, partition, service, region, account, resource


def matches(pattern: str, text: str) -> bool:
    """Tell whether all of `text` is as `pattern` says, large and small letters apart.

    Takes time in proportion to both lengths' product at worst, whatever the pattern: no regular
    expression that a policy's author could make run for ever.
    """
    at, star, resume = 0, -1, 0
    position = 0
    while position < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, resume = at, position
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", text[position]):
            at += 1
            position += 1
        elif star >= 0:
            # The last star takes one character more, and all behind it is tried again.
            resume += 1
            at, position = star + 1, resume
        else:
            return False
    return not pattern[at:].strip("*")


def arn_matches(pattern: str, arn: str) -> bool:
    """Tell whether `arn` is as `pattern` says, part by part: no wildcard reaches over a colon.

    Only in the last part, the resource, a colon is a character like others.
    """
    wanted, found = pattern.split(":", ARN_PARTS - 1), arn.split(":", ARN_PARTS - 1)
    return len(wanted) == len(found) and all(map(matches, wanted, found))
