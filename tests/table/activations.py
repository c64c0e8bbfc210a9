"""Activations, and the softmax of logits."""

from __future__ import annotations

import numpy as np

import minitensor as mt
from tests.table.checks import check, unary
from tests.table.row import Row, Sample
from tests.table.samples import EDGES, INSIDE, LOGITS, ONE, POINTS, drawn, sample, with_each

NUMBERED: list[Sample] = [*ONE[:-1], sample(EDGES), sample(POINTS[~np.isnan(POINTS) & (POINTS != 0)])]
"""Not NaN, where PyTorch's gradient is 1 and ours NaN; nor 0, where the second gradients differ."""
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
    "softplus": Row(
        mt.softplus,
        "adapters.softplus",
        [*unary(mt.softplus), *unary(lambda x: mt.softplus(x, 2.5))],
        INSIDE + with_each(ONE, beta=[2.0, 0.5]) + with_each(ONE, beta=[1.0, 2.0], threshold=[1.5, 20.0]),
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
    "log_softmax": Row(
        mt.log_softmax,
        "along_axis(log_softmax)",
        [check(lambda x, a=axis: mt.log_softmax(x, a), (3, 4)) for axis in (0, -1)],
        SCORES,
    ),
}
