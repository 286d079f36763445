"""What chance alone can do: probabilities behind the checks, without a statistics library."""

from __future__ import annotations

import math

#: How often a single check of clean data may raise a false alarm.
ALARM_LEVEL = 0.001

_TERMS = 10_000
_PRECISION = 1e-14


def exceeds(bad: int, total: int, allowed: float) -> bool:
    """Whether so many bad ones among all show that more than the allowed share is bad.

    One bad one is enough where none is allowed. Otherwise chance must explain the number with a
    probability below `ALARM_LEVEL`, by the bound of Hoeffding (Probability Inequalities for Sums of
    Bounded Random Variables, 1963, theorem 1): P(X >= bad) <= exp(-total * KL(bad/total ||
    allowed)).
    """
    if not total or bad / total <= allowed:
        return False
    if allowed <= 0:
        return True
    return math.exp(-total * _divergence(bad / total, allowed)) < ALARM_LEVEL


def chi_squared_tail(statistic: float, freedom: int) -> float:
    """Return P(X >= statistic) for chi-squared X: the regularised upper incomplete gamma function.

    By series and by continued fraction, as in Press et al., Numerical Recipes, 6.2.
    """
    shape, x = freedom / 2, statistic / 2
    if x <= 0:
        return 1.0
    scale = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    return 1 - scale * _series(shape, x) if x < shape + 1 else scale * _fraction(shape, x)


def _divergence(found: float, allowed: float) -> float:
    rest = (1 - found) * math.log((1 - found) / (1 - allowed)) if found < 1 else 0.0
    return found * math.log(found / allowed) + rest


def _series(shape: float, x: float) -> float:
    term = total = 1 / shape
    for step in range(1, _TERMS):
        term *= x / (shape + step)
        total += term
        if term < total * _PRECISION:
            break
    return total


def _fraction(shape: float, x: float) -> float:
    """Lentz's method; x > shape + 1, so no denominator is zero."""
    b = x + 1 - shape
    c, d = math.inf, 1 / b
    result = d
    for step in range(1, _TERMS):
        a = step * (shape - step)
        b += 2
        d = 1 / (b + a * d)
        c = b + a / c
        result *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return result
