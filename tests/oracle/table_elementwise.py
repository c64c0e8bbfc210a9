"""Arithmetic, elementary functions and activations."""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np
import torch
from torch.nn import functional

import minitensor as mt
from tests.oracle.samples import NUMBERS, ONE, POINTS, ROWS_OF_LOGITS, TWO, Row, drawn, sample, with_each

EDGES = np.array([1.0, -1.0, 0.5, -0.5, 1 - 1e-6, 1e-6, -1e-6, 1e-12, 2.0, 5.0])
"""Near the ends of domains, and where precision is lost."""
AWAY_FROM_ORIGIN = sample(
    *[points[(TWO[-1].inputs[0] != 0) | (TWO[-1].inputs[1] != 0)] for points in TWO[-1].inputs]
)
"""All pairs of points but those of zeros, where the angle's gradient is NaN here and 0 there."""
HALVES = np.array([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.25, 3.0, -3.0, 0.125, 1234.5, -0.3])
INSIDE = [*ONE, sample(EDGES), sample(np.tanh(drawn(2, 3))), sample(np.exp(drawn(2, 3)))]
NUMBERED = [*ONE[:-1], sample(EDGES), sample(POINTS[~np.isnan(POINTS) & (POINTS != 0)])]
STEPS = [*ONE, sample(HALVES), sample(3 * drawn(3, 4).T)]
REMAINDERS = [
    *[*TWO, *NUMBERS],
    sample(np.array([5.0, -5.0, 5.0, -5.0, 6.0, -6.0, 0.0, 5.5]), np.array([3, 3, -3, -3, 3, 3, 3, -2.5])),
    sample(10 * drawn(3, 1), drawn(4)),
]


def torch_sign(x: torch.Tensor) -> torch.Tensor:
    """Ours is NumPy's: the sign of NaN is NaN, where PyTorch's is 0."""
    return torch.where(x.isnan(), x.detach(), torch.sign(x))


def torch_softplus(x: torch.Tensor, beta: float = 1.0) -> torch.Tensor:
    """Their shortcut for large x, moved to where it is exact to 1e-13: ours has none."""
    return functional.softplus(x, beta, threshold=30)


def torch_remainder(x: Any, y: Any) -> torch.Tensor:
    """Theirs has no gradient where the first argument is a number."""
    return torch.remainder(torch.as_tensor(x), y)


def torch_floor_divide(x: Any, y: Any) -> torch.Tensor:
    """Under the name for which PyTorch has a gradient; numbers have none."""
    return torch.div(torch.as_tensor(x), torch.as_tensor(y), rounding_mode="floor")


ELEMENTWISE: dict[str, Row] = {
    "add": Row(mt.add, operator.add, TWO + NUMBERS),
    "add_n": Row(mt.add_n, lambda *xs: functools.reduce(operator.add, xs), TWO + NUMBERS),
    "subtract": Row(mt.subtract, operator.sub, TWO + NUMBERS),
    "multiply": Row(mt.multiply, operator.mul, TWO + NUMBERS),
    "divide": Row(mt.divide, operator.truediv, TWO + NUMBERS),
    "power": Row(
        mt.power,
        operator.pow,
        [
            *[*TWO, *NUMBERS],
            *[sample(POINTS, exponent) for exponent in (0, 1, 2, 3, -1, 0.0, 2.5)],
            # For −0 and −∞ NumPy and PyTorch each take √ or IEEE's power, depending on the exponent's type.
            *[sample(POINTS[~np.signbit(POINTS)], exponent) for exponent in (0.5, -0.5)],
        ],
    ),
    "remainder": Row(mt.remainder, torch_remainder, REMAINDERS),
    "floor_divide": Row(mt.floor_divide, torch_floor_divide, REMAINDERS),
    "negative": Row(mt.negative, torch.negative, ONE),
    "absolute": Row(mt.absolute, torch.absolute, ONE),
    "square": Row(mt.square, torch.square, ONE),
    "reciprocal": Row(mt.reciprocal, torch.reciprocal, ONE),
    "floor": Row(mt.floor, torch.floor, STEPS),
    "ceil": Row(mt.ceil, torch.ceil, STEPS),
    "trunc": Row(mt.trunc, torch.trunc, STEPS),
    "round": Row(mt.round, torch.round, STEPS + with_each(STEPS, decimals=[0, 1, 2, -1])),
    "sign": Row(mt.sign, torch_sign, ONE),
    "exp": Row(mt.exp, torch.exp, INSIDE),
    "exp2": Row(mt.exp2, torch.exp2, INSIDE),
    "expm1": Row(mt.expm1, torch.expm1, INSIDE),
    "log": Row(mt.log, torch.log, INSIDE),
    "log2": Row(mt.log2, torch.log2, INSIDE),
    "log10": Row(mt.log10, torch.log10, INSIDE),
    "log1p": Row(mt.log1p, torch.log1p, INSIDE),
    "logaddexp": Row(mt.logaddexp, torch.logaddexp, TWO),
    "sqrt": Row(mt.sqrt, torch.sqrt, INSIDE),
    "rsqrt": Row(mt.rsqrt, torch.rsqrt, INSIDE),
    "hypot": Row(mt.hypot, torch.hypot, TWO),
    "sin": Row(mt.sin, torch.sin, INSIDE),
    "cos": Row(mt.cos, torch.cos, INSIDE),
    "tan": Row(mt.tan, torch.tan, INSIDE),
    "arcsin": Row(mt.arcsin, torch.arcsin, INSIDE),
    "arccos": Row(mt.arccos, torch.arccos, INSIDE),
    "arctan": Row(mt.arctan, torch.arctan, INSIDE),
    "arctan2": Row(mt.arctan2, torch.arctan2, TWO),
    "sinh": Row(mt.sinh, torch.sinh, INSIDE),
    "cosh": Row(mt.cosh, torch.cosh, INSIDE),
    "tanh": Row(mt.tanh, torch.tanh, INSIDE),
    "arcsinh": Row(mt.arcsinh, torch.arcsinh, INSIDE),
    "arccosh": Row(mt.arccosh, torch.arccosh, INSIDE),
    "arctanh": Row(mt.arctanh, torch.arctanh, INSIDE),
    "sigmoid": Row(mt.sigmoid, torch.sigmoid, INSIDE),
    "erf": Row(mt.erf, torch.erf, INSIDE),
    "maximum": Row(mt.maximum, torch.maximum, TWO),
    "minimum": Row(mt.minimum, torch.minimum, TWO),
    "clip": Row(
        mt.clip,
        torch.clip,
        [
            *with_each(ONE, min=[-1.0], max=[2.5]),
            sample(POINTS, min=0),
            sample(POINTS, max=1.0),
            sample(POINTS, min=2.0, max=1.0),
        ],
    ),
    "where": Row(
        mt.where,
        torch.where,
        [
            *[
                sample(drawn(2, 3) > 0, drawn(*x), drawn(*y))
                for x, y in [((2, 3), (2, 3)), ((), (3,)), ((2, 1), ())]
            ],
            sample(drawn(3, 1) > 0, drawn(2, 1, 4), drawn(3, 4)),
            sample(drawn(0) > 0, drawn(0), drawn()),
            sample(np.arange(len(POINTS)) % 2 == 0, POINTS, POINTS),
        ],
    ),
    "zero_where": Row(
        mt.zero_where,
        lambda x, mask: x.masked_fill(mask, 0.0),
        [sample(drawn(2, 3), drawn(2, 3) > 0), sample(POINTS, POINTS > 0), sample(drawn(2, 3), drawn(3) > 0)],
    ),
}

ACTIVATIONS: dict[str, Row] = {
    "relu": Row(mt.relu, torch.relu, ONE),
    "leaky_relu": Row(
        mt.leaky_relu,
        functional.leaky_relu,
        ONE + with_each([sample(POINTS)], negative_slope=[0.2, 2.0, 0.0]),
    ),
    # Not NaN, where their gradient is 1 and ours NaN; nor 0, where the second gradients differ.
    "elu": Row(mt.elu, functional.elu, ONE + with_each([*NUMBERED, sample(POINTS)], alpha=[0.5, 2.0])),
    "selu": Row(mt.selu, functional.selu, ONE),
    "hardtanh": Row(
        mt.hardtanh,
        lambda x, min=-1.0, max=1.0: functional.hardtanh(x, min, max),
        [*INSIDE, *with_each(ONE, min=[-2.5, 0.0], max=[1.0, 2.5])],
    ),
    "softplus": Row(mt.softplus, torch_softplus, INSIDE + with_each(ONE, beta=[2.0, 0.5])),
    "silu": Row(mt.silu, functional.silu, INSIDE),
    "gelu": Row(
        mt.gelu,
        functional.gelu,
        with_each(
            [*ONE[:-1], sample(POINTS[np.isfinite(POINTS)]), sample(EDGES)],  # theirs at inf is NaN
            approximate=["none", "tanh"],
        ),
    ),
    "softmax": Row(mt.softmax, lambda x, axis=-1: torch.softmax(x, axis), ROWS_OF_LOGITS),
    "log_softmax": Row(mt.log_softmax, lambda x, axis=-1: torch.log_softmax(x, axis), ROWS_OF_LOGITS),
}
