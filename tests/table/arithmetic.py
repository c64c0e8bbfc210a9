"""Sums, products, powers, remainders; rounding and signs; extremes, bounds and choices."""

from __future__ import annotations

import operator
from functools import reduce

import numpy as np

import minitensor as mt
from tests.table.checks import binary, check, unary
from tests.table.row import Row, Sample
from tests.table.samples import NUMBERS, ONE, POINTS, TWO, drawn, sample, with_each

HALVES = np.array([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.25, 3.0, -3.0, 0.125, 1234.5, -0.3])
STEPS: list[Sample] = [*ONE, sample(HALVES), sample(3 * drawn(3, 4).T)]
FINITE, NOT_ZERO = POINTS[~np.isinf(POINTS)], POINTS[2:11]
REMAINDERS: list[Sample] = [
    *[*TWO, *NUMBERS],
    sample(np.array([5.0, -5.0, 5.0, -5.0, 6.0, -6.0, 0.0, 5.5]), np.array([3, 3, -3, -3, 3, 3, 3, -2.5])),
    sample(10 * drawn(3, 1), drawn(4)),
]
POWERS: list[Sample] = [
    *[*TWO, *NUMBERS],
    *[sample(POINTS, exponent) for exponent in (0, 1, 2, 3, -1, 0.0, 2.5)],
    # For −0 and −∞ NumPy and PyTorch each take √ or IEEE's power, depending on the exponent's type.
    *[sample(POINTS[~np.signbit(POINTS)], exponent) for exponent in (0.5, -0.5)],
]
BOUNDED: list[Sample] = [
    *with_each(ONE, min=[-1.0], max=[2.5]),
    *[sample(POINTS, min=0), sample(POINTS, max=1.0), sample(POINTS, min=2.0, max=1.0)],
]
BETWEEN: list[Sample] = [
    *[sample(drawn(3, 4), drawn(3, 4), drawn(3, 4)), sample(drawn(3, 4), drawn(4), drawn(3, 1) + 1)],
    *[sample(drawn(2, 3), drawn(2, 3)), sample(POINTS[::-1].copy(), POINTS), sample(drawn(), drawn(3))],
]
"""Between tensors, some of them the wrong way round."""
MASK = np.array([[True, False, True], [False, False, True]])
CHOSEN: list[Sample] = [
    *[sample(drawn(2, 3) > 0, drawn(*x), drawn(*y)) for x, y in [((2, 3), (2, 3)), ((), (3,)), ((2, 1), ())]],
    *[sample(drawn(3, 1) > 0, drawn(2, 1, 4), drawn(3, 4)), sample(drawn(0) > 0, drawn(0), drawn())],
    sample(np.arange(len(POINTS)) % 2 == 0, POINTS, POINTS),
]

ARITHMETIC: dict[str, Row] = {
    "add": Row(mt.add, operator.add, binary(mt.add), TWO + NUMBERS),
    "add_n": Row(
        mt.add_n,
        lambda *xs: reduce(operator.add, xs),
        [*unary(mt.add_n), check(mt.add_n, (2, 3), (), (3,), (2, 1))],
        TWO + NUMBERS,
    ),
    "subtract": Row(mt.subtract, operator.sub, binary(mt.subtract), TWO + NUMBERS),
    "multiply": Row(mt.multiply, operator.mul, binary(mt.multiply), TWO + NUMBERS),
    "divide": Row(mt.divide, operator.truediv, binary(mt.divide, 0.5, 2), TWO + NUMBERS),
    "power": Row(
        mt.power,
        operator.pow,
        [
            *[*binary(mt.power, 0.5, 2), *unary(lambda x: x**3), *unary(lambda x: x**-1, 0.5, 2)],
            *unary(lambda x: 2**x),
        ],
        POWERS,
    ),
    "negative": Row(mt.negative, "negative", unary(mt.negative), ONE),
    "absolute": Row(mt.absolute, "absolute", unary(mt.absolute), ONE),
    "square": Row(mt.square, "square", unary(mt.square), ONE),
    "reciprocal": Row(mt.reciprocal, "reciprocal", unary(mt.reciprocal, 0.5, 2), ONE),
    "remainder": Row(
        mt.remainder,
        "adapters.remainder",
        binary(lambda x, y: mt.remainder(x, y + 3), 0.1, 2),
        REMAINDERS,
    ),
    "fmod": Row(
        mt.fmod,
        "adapters.fmod",
        binary(lambda x, y: mt.fmod(x, y + 3), 0.1, 2),
        [
            *TWO[:-1],
            *NUMBERS[:-1],
            *REMAINDERS[-2:],
            sample(FINITE.repeat(9), np.tile(POINTS[2:11], len(FINITE))),
        ],
    ),
    "floor_divide": Row(
        mt.floor_divide,
        "adapters.floor_divide",
        binary(lambda x, y: mt.floor_divide(x, y + 3), 0.1, 2),
        REMAINDERS,
    ),
    "floor": Row(mt.floor, "floor", unary(mt.floor), STEPS),
    "ceil": Row(mt.ceil, "ceil", unary(mt.ceil), STEPS),
    "trunc": Row(mt.trunc, "trunc", unary(mt.trunc), STEPS),
    "round": Row(
        mt.round,
        "round",
        [*unary(mt.round), *unary(lambda x: mt.round(x, 1))],
        STEPS + with_each(STEPS, decimals=[0, 1, 2, -1]),
    ),
    "sign": Row(mt.sign, "adapters.sign", unary(mt.sign), ONE),
    "copysign": Row(
        mt.copysign,
        "copysign",
        binary(mt.copysign),
        [*TWO[:-1], sample(FINITE.repeat(len(POINTS)), np.tile(POINTS, len(FINITE))), sample(drawn(3), -0.0)],
    ),
    "heaviside": Row(
        mt.heaviside,
        "adapters.heaviside",
        [
            *binary(mt.heaviside),
            *[check(lambda y: mt.heaviside(y * 0, y), shape) for shape in [(), (2, 3)]],
        ],
        [*TWO, *NUMBERS, sample(np.array([0.0, -0.0, 1.0]), drawn(2, 3)), sample(drawn(2, 1), drawn())],
    ),
    "maximum": Row(mt.maximum, "maximum", binary(mt.maximum), TWO),
    "minimum": Row(mt.minimum, "minimum", binary(mt.minimum), TWO),
    "clip": Row(
        mt.clip,
        "clip",
        [
            *unary(lambda x: mt.clip(x, -1, 0.5)),
            *unary(lambda x: mt.clip(x, max=0.5)),
            *unary(lambda x: mt.clip(x, 0)),
            check(lambda x, low, high: mt.clip(x, low, high + 2), (3, 4), (4,), (3, 1)),
            check(lambda x, high: mt.clip(x, max=high), (3, 4), (3, 4)),
        ],
        [*BOUNDED, *BETWEEN],
    ),
    "where": Row(
        mt.where,
        "where",
        [
            check(lambda x, y: mt.where(MASK, x, y), *pair)
            for pair in [((2, 3), (2, 3)), ((), (3,)), ((2, 1), ())]
        ],
        CHOSEN,
    ),
    "zero_where": Row(
        mt.zero_where,
        lambda x, mask: x.masked_fill(mask, 0.0),
        [check(lambda x: mt.zero_where(x, MASK), (2, 3)), check(lambda x: mt.zero_where(x, True), (2,))],
        [sample(drawn(2, 3), drawn(2, 3) > 0), sample(POINTS, POINTS > 0), sample(drawn(2, 3), drawn(3) > 0)],
    ),
}
