"""Quantiles of two distributions, worked out by closed forms, so that the same figures always give the same forecast.

Both are chosen by their mean and variance: the negative binomial for numbers, the gamma for amounts.
"""

import math

_STEPS = 200
_TINY = 1e-300
_ENOUGH = 1e-13
_HALVINGS = 100
_LARGE = 2000
"""From this mean on, a number is as good as an amount: the steps between numbers are smaller than anything told."""


def count_quantile(share: float, mean: float, variance: float) -> int:
    """The least number that is not passed with the probability `share`; `variance` is above `mean`, that above 0."""
    if mean > _LARGE:
        return round(amount_quantile(share, mean, variance))
    odds = mean / variance
    shape = mean * odds / (1 - odds)
    below, number = 0.0, 0
    while True:
        ways = math.lgamma(shape + number) - math.lgamma(shape) - math.lgamma(number + 1)
        below += math.exp(ways + shape * math.log(odds) + number * math.log1p(-odds))
        # Far out the sum no longer grows in floating point.
        if below >= share or number > mean + 100 * math.sqrt(variance) + 100:
            return number
        number += 1


def amount_quantile(share: float, mean: float, variance: float) -> float:
    """The amount that is not passed with the probability `share`; `mean` is above 0, `variance` not below."""
    if not variance:
        return mean
    shape, scale = mean * mean / variance, variance / mean
    low, high = 0.0, shape + 1
    while _gamma_below(shape, high) < share:
        low, high = high, high * 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _gamma_below(shape, middle) < share:
            low = middle
        else:
            high = middle
    return high * scale


def _gamma_below(shape: float, x: float) -> float:
    """The chance of at most `x` under a gamma distribution of scale 1: the regularised incomplete gamma function."""
    if x <= 0:
        return 0.0
    front = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    return front * _series(shape, x) if x < shape + 1 else 1 - front * _fraction(shape, x)


def _series(shape: float, x: float) -> float:
    term = total = 1 / shape
    for step in range(1, _STEPS * 50):
        term *= x / (shape + step)
        total += term
        if term < total * _ENOUGH:
            break
    return total


def _fraction(shape: float, x: float) -> float:
    """Lentz's way through the continued fraction of the upper function."""
    b = x + 1 - shape
    c, d = 1 / _TINY, 1 / b
    total = d
    for step in range(1, _STEPS * 50):
        a = -step * (step - shape)
        b += 2
        d = 1 / _away_from_zero(a * d + b)
        c = _away_from_zero(b + a / c)
        total *= d * c
        if abs(d * c - 1) < _ENOUGH:
            break
    return total


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
