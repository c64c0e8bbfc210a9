"""Activations, and the softmax of logits."""

from __future__ import annotations

import numpy as np

import minitensor as mt
from tests.table.checks import check, unary
from tests.table.row import Row, Sample
from tests.table.samples import EDGES, INSIDE, LOGITS, ONE, POINTS, drawn, sample, with_each

NUMBERED: list[Sample] = [*ONE[:-1], sample(EDGES), sample(POINTS[~np.isnan(POINTS) & (POINTS != 0)])]
"""Not NaN, where PyTorch's gradient is 1 and ours NaN; nor 0, where the second gradients differ."""
BOUNDS = np.array([-3.0, 3.0, 0.0, 6.0, 0.5, -0.5, 1.0, -1.0])
"""Where one piece of a function ends and another begins."""
FLAT = np.array([-3.5, 3.5, 7.0, -2.0, 2.9])
FINITE_POINTS = np.array([0.0, 1.0, -1.0, 2.5, -2.5, 40.0, -40.0])
FINITE: list[Sample] = [*ONE[:-1], sample(POINTS[np.isfinite(POINTS)]), sample(EDGES)]
SCORES: list[Sample] = [
    *with_each(
        [sample(drawn(3, 4)), sample(drawn(4, 3).T), sample(drawn(2, 3, 2)), sample(drawn(3, 1))],
        axis=[0, -1],
    ),
    *[sample(drawn(4)), sample(drawn(0, 3)), sample(LOGITS)],
    sample(np.array([[-np.inf, -np.inf], [np.inf, 0.0], [np.inf, -np.inf], [np.inf, np.inf]])),
]

ACTIVATIONS: dict[str, Row] = {
    "relu": Row(mt.relu, "relu", unary(mt.relu), ONE),
    "leaky_relu": Row(
        mt.leaky_relu,
        "nn.functional.leaky_relu",
        [
            *unary(mt.leaky_relu),
            *unary(lambda x: mt.leaky_relu(x, 0.2)),
            *unary(lambda x: mt.leaky_relu(x, 2.0)),
        ],
        ONE + with_each([sample(POINTS)], negative_slope=[0.2, 2.0, 0.0]),
    ),
    "elu": Row(
        mt.elu,
        "nn.functional.elu",
        [*unary(mt.elu), *unary(lambda x: mt.elu(x, 0.5))],
        ONE + with_each([*NUMBERED, sample(POINTS)], alpha=[0.5, 2.0]),
    ),
    "selu": Row(mt.selu, "nn.functional.selu", unary(mt.selu), ONE),
    "hardtanh": Row(
        mt.hardtanh,
        "adapters.hardtanh",
        [*unary(mt.hardtanh), *unary(lambda x: mt.hardtanh(x, -0.5, 1.5))],
        INSIDE + with_each(ONE, min=[-2.5, 0.0], max=[1.0, 2.5]),
    ),
    "celu": Row(
        mt.celu,
        "nn.functional.celu",
        [*unary(mt.celu), *unary(lambda x: mt.celu(x, 0.5)), *unary(lambda x: mt.celu(x, -2.0))],
        ONE + with_each([*NUMBERED, sample(FINITE_POINTS)], alpha=[0.5, 2.0, -1.5]),
    ),
    "relu6": Row(mt.relu6, "nn.functional.relu6", unary(mt.relu6), [*INSIDE, sample(BOUNDS)]),
    "prelu": Row(
        mt.prelu,
        "nn.functional.prelu",
        [
            check(mt.prelu, (2, 3), (3,)),
            check(mt.prelu, (2, 3, 2, 1), (3,)),
            check(mt.prelu, (4,), (1,)),
            check(mt.prelu, (0, 2), (2,)),
            check(mt.prelu, (2, 3), ()),
        ],
        [
            *[sample(drawn(2, 3), drawn(3)), sample(drawn(4, 2).T, drawn(4)), sample(drawn(5), drawn(1))],
            *[sample(drawn(2, 3, 2), drawn(3)), sample(drawn(), drawn(1)), sample(drawn(0, 3), drawn(3))],
            sample(drawn(2, 1, 3), drawn(1)),
        ],
        singular=[
            sample(POINTS, np.array([0.5])),
            sample(POINTS[None].repeat(2, 0), drawn(len(POINTS))),
        ],
    ),
    "threshold": Row(
        mt.threshold,
        "adapters.threshold",
        unary(lambda x: mt.threshold(x, 0.1, 5.0)),
        with_each([*INSIDE, sample(BOUNDS)], threshold=[0.5, -3.0], value=[7.0, -1.0]),
    ),
    "hardshrink": Row(
        mt.hardshrink,
        "nn.functional.hardshrink",
        [*unary(mt.hardshrink), *unary(lambda x: mt.hardshrink(x, 0.9))],
        [*INSIDE, *with_each([*ONE, sample(BOUNDS)], lambd=[0.0, 1.0, 3.0])],
    ),
    "softshrink": Row(
        mt.softshrink,
        "nn.functional.softshrink",
        [*unary(mt.softshrink), *unary(lambda x: mt.softshrink(x, 0.9))],
        [*INSIDE, *with_each([*ONE, sample(BOUNDS)], lambd=[0.0, 1.0, 3.0])],
    ),
    "softplus": Row(
        mt.softplus,
        "adapters.softplus",
        [
            *unary(mt.softplus),
            *unary(lambda x: mt.softplus(x, 2.5)),
            *unary(lambda x: mt.softplus(x, 2.0, 0.7)),
        ],
        INSIDE + with_each(ONE, beta=[2.0, 0.5]) + with_each(INSIDE, beta=[1.0, 2.0], threshold=[20.0, 0.7]),
    ),
    "logsigmoid": Row(mt.logsigmoid, "nn.functional.logsigmoid", unary(mt.logsigmoid), INSIDE),
    "hardsigmoid": Row(
        mt.hardsigmoid, "adapters.hardsigmoid", unary(mt.hardsigmoid), [*INSIDE, sample(BOUNDS)]
    ),
    "hardswish": Row(
        mt.hardswish,
        "nn.functional.hardswish",
        unary(mt.hardswish),
        [*FINITE, sample(FLAT)],
        singular=[sample(BOUNDS)],
    ),
    "softsign": Row(mt.softsign, "nn.functional.softsign", unary(mt.softsign), INSIDE),
    "tanhshrink": Row(mt.tanhshrink, "nn.functional.tanhshrink", unary(mt.tanhshrink), INSIDE),
    "mish": Row(mt.mish, "nn.functional.mish", unary(mt.mish), FINITE),
    "glu": Row(
        mt.glu,
        "adapters.glu",
        [
            check(mt.glu, (4,)),
            check(lambda x: mt.glu(x, 0), (2, 3)),
            check(lambda x: mt.glu(x, 1), (2, 4, 3)),
        ],
        [
            *[sample(drawn(4)), sample(drawn(3, 2)), sample(drawn(0, 2)), sample(drawn(4, 6).T, axis=0)],
            *with_each([sample(drawn(2, 4, 6))], axis=[0, 1, -1]),
        ],
    ),
    "silu": Row(mt.silu, "nn.functional.silu", unary(mt.silu), INSIDE),
    "gelu": Row(
        mt.gelu,
        "nn.functional.gelu",  # NaN at infinity
        [*unary(mt.gelu), *unary(lambda x: mt.gelu(x, "tanh"))],
        with_each(FINITE, approximate=["none", "tanh"]),
    ),
    "softmax": Row(
        mt.softmax,
        "along_axis(softmax)",
        [check(lambda x, a=axis: mt.softmax(x, a), (3, 4)) for axis in (0, -1)],
        SCORES,
    ),
    "softmin": Row(
        mt.softmin,
        "along_axis(nn.functional.softmin)",
        [check(lambda x, a=axis: mt.softmin(x, a), (3, 4)) for axis in (0, -1)],
        SCORES,
    ),
    "log_softmax": Row(
        mt.log_softmax,
        "along_axis(log_softmax)",
        [check(lambda x, a=axis: mt.log_softmax(x, a), (3, 4)) for axis in (0, -1)],
        SCORES,
    ),
}
