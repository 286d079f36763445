"""The `Condition` of an IAM policy's statement: operators over what is known of a call.

Semantics:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html

Of several values in the policy one must match; of a negated operator, none. A key that the call
does not have fails every operator but the negated ones, `…IfExists`, `ForAllValues:…`, and
`Null: true`. Where a call's key has several values and the operator no `ForAnyValue:` or
`ForAllValues:`, one of them must match; of a negated operator, none may.
"""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from modelyard.identity.wildcards import ARN_PARTS, arn_matches, matches

#: What is known of a call: texts by key, several of them where the key may have several.
ConditionValues = Mapping[str, str | Sequence[str]]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Incomparable(Exception):
    """A call's value is not of the kind that the operator compares."""


@dataclass(frozen=True, kw_only=True)
class _Operator:
    """One operator, without what may stand around its name."""

    read: Callable[[str], Any]  # a policy's text to what is compared; ValueError says the rule
    holds: Callable[[Any, str], bool]  # (the policy's, the call's); Incomparable
    negated: bool = False


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One operator over one key, and the policy's values, read."""

    operator: _Operator | None  # None: `Null`
    quantifier: str  # "", "ForAnyValue" or "ForAllValues"
    if_exists: bool
    key: str  # lower case: keys are told apart whatever their case
    values: Sequence[Any]

    def holds(self, known: Mapping[str, Sequence[str]]) -> bool:
        """Tell whether a call fulfils it.

        Args:
            known: what `lowered` makes of the call's values.

        Raises:
            Incomparable: a value is not of the kind that the operator compares.
        """
        given = known.get(self.key)
        operator = self.operator
        if operator is None:
            return (given is None) in self.values
        if given is None and self.if_exists:
            return True
        found = [any(operator.holds(value, one) for value in self.values) for one in given or ()]
        if self.quantifier == "ForAllValues":
            return all(one != operator.negated for one in found)
        if self.quantifier == "ForAnyValue":
            return any(one != operator.negated for one in found)
        return any(found) != operator.negated


def lowered(values: ConditionValues) -> dict[str, Sequence[str]]:
    """Return a call's values as `Condition.holds` wants them; a key without any is not there."""
    found: dict[str, Sequence[str]] = {}
    for key, value in values.items():
        texts = [value] if isinstance(value, str) else list(value)
        if texts:
            found[key.lower()] = texts
    return found


def read_conditions(block: object, where: str, problems: list[str]) -> list[Condition]:
    """Return what a `Condition` element says, and add what is wrong with it to `problems`."""
    return list(_conditions(block, where, problems))


def _conditions(block: object, where: str, problems: list[str]) -> Iterator[Condition]:
    if not isinstance(block, Mapping):
        problems.append(f"{where} must be an object of operators")
        return
    for name, keys in block.items():
        at = f"{where}.{name}"
        if not isinstance(keys, Mapping) or not keys:
            problems.append(f"{at} must be an object of keys and their values")
            continue
        found = _operator(str(name), at, problems)
        for key, values in keys.items():
            place = f"{at}.{key}"
            if not isinstance(key, str) or ":" not in key.strip(":") or set(key) & set(' *?"'):
                problems.append(f"{place}: a key is written prefix:name, as aws:PrincipalArn")
            texts = _texts(values, place, problems)
            if found is None:
                continue
            operator, quantifier, if_exists = found
            read = [_read(operator, text, place, problems) for text in texts]
            yield Condition(
                operator=operator,
                quantifier=quantifier,
                if_exists=if_exists,
                key=str(key).lower(),
                values=read,
            )


def _operator(
    name: str, where: str, problems: list[str]
) -> tuple[_Operator | None, str, bool] | None:
    """Return an operator (None inside: `Null`), its quantifier, and whether it has `IfExists`."""
    quantifier, colon, rest = name.rpartition(":")
    if colon and quantifier not in ("ForAnyValue", "ForAllValues"):
        problems.append(f"{where}: {quantifier!r} must be ForAnyValue or ForAllValues")
        return None
    if rest == "Null" and not colon:
        return None, "", False
    bare = rest.removesuffix("IfExists")
    if bare in OPERATORS:
        return OPERATORS[bare], quantifier, bare != rest
    if bare == "Null":
        problems.append(f"{where}: Null stands alone, without a prefix or IfExists")
    else:
        near = difflib.get_close_matches(bare, [*OPERATORS, "Null"], n=1)
        hint = f": did you mean {near[0]}?" if near else f": use {', '.join([*OPERATORS, 'Null'])}"
        problems.append(f"{where}: {bare!r} is not an operator that is offered{hint}")
    return None


def _texts(values: object, where: str, problems: list[str]) -> list[str]:
    items = values if isinstance(values, list | tuple) else [values]
    if not items:
        problems.append(f"{where} has no value")
    texts: list[str] = []
    for item in items:
        if isinstance(item, bool):
            texts.append(str(item).lower())
        elif isinstance(item, str | int | float):
            texts.append(str(item))
        else:
            problems.append(f"{where}: a value is a text, a number, true or false, or a list")
    for text in texts:
        if "${" in text:
            problems.append(f"{where}: policy variables are not offered, and {text!r} has one")
    return texts


def _read(operator: _Operator | None, text: str, where: str, problems: list[str]) -> Any:
    try:
        return _flag(text) if operator is None else operator.read(text)
    except ValueError as error:
        problems.append(f"{where}: {text!r} {error}")
        return None


def _given(read: Callable[[str], Any], text: str) -> Any:
    try:
        return read(text)
    except ValueError as error:
        raise Incomparable(f"{text!r} {error}") from error


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("must be true or false")
    return text.lower() == "true"


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise ValueError("must be a number")
    return number


def _moment(text: str) -> datetime:
    try:
        if text.isascii() and text.isdigit():
            return datetime.fromtimestamp(int(text), UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError("must be a date such as 2026-01-31T00:00:00Z, or epoch seconds") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise ValueError("must be an address or a range such as 203.0.113.0/24") from error


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _arn(text: str) -> str:
    if text != "*" and (text.count(":") < ARN_PARTS - 1 or not text.startswith("arn:")):
        raise ValueError("must be an ARN, in whose parts * and ? may stand, or *")
    return text


def _arn_holds(wanted: str, given: str) -> bool:
    return wanted == "*" or arn_matches(wanted, given)


def _compared(
    read: Callable[[str], Any], compare: Callable[[Any, Any], bool]
) -> Callable[[Any, str], bool]:
    return lambda wanted, given: compare(wanted, _given(read, given))


def _pair(prefix: str, positive: str, negative: str, operator: _Operator) -> dict[str, _Operator]:
    opposite = _Operator(read=operator.read, holds=operator.holds, negated=True)
    return {prefix + positive: operator, prefix + negative: opposite}


def _ordered(prefix: str, read: Callable[[str], Any]) -> dict[str, _Operator]:
    def made(compare: Callable[[Any, Any], bool]) -> _Operator:
        return _Operator(read=read, holds=_compared(read, compare))

    return {
        **_pair(prefix, "Equals", "NotEquals", made(lambda wanted, given: given == wanted)),
        f"{prefix}LessThan": made(lambda wanted, given: given < wanted),
        f"{prefix}LessThanEquals": made(lambda wanted, given: given <= wanted),
        f"{prefix}GreaterThan": made(lambda wanted, given: given > wanted),
        f"{prefix}GreaterThanEquals": made(lambda wanted, given: given >= wanted),
    }


#: Every operator that is offered, by its name without `IfExists`.
OPERATORS: dict[str, _Operator] = {
    **_pair("String", "Equals", "NotEquals", _Operator(read=str, holds=lambda w, g: w == g)),
    **_pair(
        "String",
        "EqualsIgnoreCase",
        "NotEqualsIgnoreCase",
        _Operator(read=str.casefold, holds=lambda w, g: w == g.casefold()),
    ),
    **_pair("String", "Like", "NotLike", _Operator(read=str, holds=matches)),
    **_pair("Arn", "Equals", "NotEquals", _Operator(read=_arn, holds=_arn_holds)),
    **_pair("Arn", "Like", "NotLike", _Operator(read=_arn, holds=_arn_holds)),
    "Bool": _Operator(read=_flag, holds=_compared(_flag, lambda w, g: w == g)),
    **_ordered("Numeric", _number),
    **_ordered("Date", _moment),
    **_pair(
        "",
        "IpAddress",
        "NotIpAddress",
        _Operator(read=_network, holds=_compared(_address, lambda w, g: g in w)),
    ),
}
