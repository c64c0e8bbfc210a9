"""Arithmetic, and the choice between two numbers: the rules to read first.

A rule returns its value and one local gradient per input: a closure that turns the gradient `g` of the
output into the gradient of that input.
"""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from minitensor.core.rule import rule
from minitensor.rules.fast import masked
from minitensor.rules.notation import Binary, Local, Number, Unary, unchanged

# ---------------------------------------------------------------------------------------- arithmetic


@rule
def add(x: Number, y: Number) -> Binary:
    """x + y."""
    return x + y, unchanged, unchanged


@rule
def add_n(x: Number, *xs: Number) -> tuple[Any, ...]:
    """The sum of any number of inputs, as one operation.

    >>> add_n(1.0, 2.0, np.array([3.0, 4.0]))
    array([6., 7.])
    """
    return builtins.sum(xs, x) if xs else +x, unchanged, *[unchanged] * len(xs)


@rule
def subtract(x: Number, y: Number) -> Binary:
    """x − y."""
    return x - y, unchanged, lambda g: -g


@rule
def multiply(x: Number, y: Number) -> Binary:
    """x · y."""
    return x * y, lambda g: g * y, lambda g: g * x


@rule(floats=True)
def divide(x: Number, y: Number) -> Binary:
    """x / y; 1/0 is inf and 0/0 is NaN, on floats as well."""
    z = np.divide(x, y)
    return z, lambda g: np.divide(g, y), lambda g: np.divide(-g * z, y)


@rule
def power(x: Number, y: Number) -> Binary:
    """xʸ. At x = 0: x⁰ has gradient 0, x^½ inf, x⁻¹ is inf with gradient −inf; 0ʸ has gradient 0 in y ≥ 0."""
    z = np.power(x, y)

    def local_x(g: Number) -> Number:
        # x⁰ is constant: its exponent stays 0 here, as x⁻¹ would make NaN of the gradient's own gradient
        return zero_where(g * y * np.power(x, y - (y != 0)), y == 0)

    def local_y(g: Number) -> Number:
        zero = np.logical_and(x == 0, y >= 0)
        return zero_where(g * z * np.log(np.where(zero, 1.0, x)), zero)

    return z, local_x, local_y


@rule
def negative(x: Number) -> Unary:
    """−x."""
    return -x, lambda g: -g


@rule
def absolute(x: Number) -> Unary:
    """|x|, with gradient 0 at 0 and at NaN."""
    return np.absolute(x), lambda g: g * zero_where(np.sign(x), x != x)


@rule
def square(x: Number) -> Unary:
    """x²; derivative 2x."""
    return x * x, lambda g: g * (2 * x)


@rule(floats=True)
def reciprocal(x: Number) -> Unary:
    """1 / x; derivative −1 / x²."""
    y = np.divide(1, x)
    return y, lambda g: -g * (y * y)


@rule
def remainder(x: Number, y: Number) -> Binary:
    """x − y ⌊x / y⌋, with the sign of y, as Python's %; derivative 1 in x and −⌊x / y⌋ in y."""
    return np.remainder(x, y), unchanged, lambda g: -g * np.floor_divide(x, y)


@rule
def fmod(x: Number, y: Number) -> Binary:
    """x − y trunc(x / y), with the sign of x, as C's %; derivative 1 in x and −trunc(x / y) in y.

    Unlike PyTorch: the gradient of y is NaN where the value is, not −inf.
    """

    def local_y(g: Number) -> Number:
        return -g * (np.sign(x) * np.sign(y) * np.floor_divide(np.absolute(x), np.absolute(y)))

    return np.fmod(x, y), unchanged, local_y


# --------------------------------------------------------------------------------------------- steps


def _nothing(g: Number) -> Number:
    """The local gradient of a step function, also at its jumps."""
    return zero_where(g, True)


@rule
def floor(x: Number) -> Unary:
    """The largest integer that is not above x; gradient 0."""
    return np.floor(x), _nothing


@rule
def ceil(x: Number) -> Unary:
    """The smallest integer that is not below x; gradient 0."""
    return np.ceil(x), _nothing


@rule
def trunc(x: Number) -> Unary:
    """x without its fraction; gradient 0."""
    return np.trunc(x), _nothing


@rule
def round(x: Number, decimals: int = 0) -> Unary:
    """x rounded to so many decimals, halves to the even neighbour; gradient 0."""
    return np.round(x, decimals), _nothing


@rule
def floor_divide(x: Number, y: Number) -> Binary:
    """⌊x / y⌋, as Python's //; gradient 0."""
    return np.floor_divide(x, y), _nothing, _nothing


@rule
def sign(x: Number) -> Unary:
    """−1, 0 or 1; gradient 0.

    Unlike PyTorch: the sign of NaN is NaN, as in NumPy, so that it is not lost.
    """
    return np.sign(x), _nothing


@rule(floats=True)
def copysign(x: Number, y: Number) -> Binary:
    """|x| with the sign of y, of 0 and NaN too; derivative ±1 in x, and 0 at 0; gradient 0 in y.

    Unlike PyTorch: the derivative at an infinity is ±1 as well, not NaN.

    >>> copysign(np.array([1.0, -2.0]), -0.0)
    array([-1., -2.])
    """
    return np.copysign(x, y), lambda g: g * zero_where(np.sign(x) * np.copysign(1, y), x == 0), _nothing


@rule(floats=True)
def heaviside(x: Number, y: Number) -> Binary:
    """0 where x < 0, y where x = 0, and 1 where x > 0; gradient 0 in x, and in y where it is chosen.

    Unlike PyTorch: NaN where x is NaN, as in NumPy; and it has a gradient.

    >>> heaviside(np.array([-1.0, 0.0, 1.0]), 0.5)
    array([0. , 0.5, 1. ])
    """
    return np.heaviside(x, y), _nothing, lambda g: zero_where(g, x != 0)


# ------------------------------------------------------------------------------------------ selection


@rule
def maximum(x: Number, y: Number) -> Binary:
    """The larger of x and y, elementwise; each gets half the gradient where they tie."""
    return (
        np.maximum(x, y),
        lambda g: zero_where(np.where(x == y, g / 2, g), x < y),
        lambda g: zero_where(np.where(x == y, g / 2, g), x > y),
    )


@rule
def minimum(x: Number, y: Number) -> Binary:
    """The smaller of x and y, elementwise; each gets half the gradient where they tie."""
    return (
        np.minimum(x, y),
        lambda g: zero_where(np.where(x == y, g / 2, g), x > y),
        lambda g: zero_where(np.where(x == y, g / 2, g), x < y),
    )


@rule(inputs="x min max")
def clip(x: Number, min: Any = None, max: Any = None) -> tuple[Any, ...]:
    """x held between min and max: numbers, or tensors, which have a gradient where they are taken.

    The gradient of x is 1 inside and on the bounds, and 0 outside.
    """
    low, high = -math.inf if min is None else min, math.inf if max is None else max
    inside = np.logical_and(x >= low, x <= high)

    def local_min(g: Number) -> Number:
        return zero_where(g, np.logical_not(x < low if max is None else np.logical_and(x < low, low < high)))

    def local_max(g: Number) -> Number:
        return zero_where(g, np.logical_not(x > high if min is None else np.logical_or(x > high, high < low)))

    return np.clip(x, min, max), lambda g: zero_where(g, np.logical_not(inside)), local_min, local_max


@rule(inputs="x y")
def where(condition: Any, x: Number, y: Number) -> tuple[Any, None, Local, Local]:
    """x where condition holds, else y.

    The branch not taken gets gradient 0, but 0 times an infinite derivative further up is NaN. So make that
    branch harmless before the function too: `where(x > 0, log(where(x > 0, x, 1)), 0)`.
    """
    return (
        np.where(condition, x, y),
        None,
        lambda g: zero_where(g, np.logical_not(condition)),
        lambda g: zero_where(g, condition),
    )


@rule(inputs="x")
def zero_where(x: Number, mask: Any) -> Unary:
    """0 where mask holds, else x, whatever x is: an infinity or NaN under the mask gives 0.

    >>> zero_where(np.array([1.0, np.inf]), np.array([False, True]))
    array([1., 0.])
    """
    return masked(x, mask), lambda g: zero_where(g, mask)
