"""The table of test cases: one row for every rule, from which all tests of rules are made.

A row lists samples: a function that uses the rule, and the shapes (or the arrays) of its inputs. Adding an
operation means adding its row here; a test fails while it is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import minitensor as mt
from minitensor import rules

Shape = tuple[int, ...]


class Sample(NamedTuple):
    """One use of a rule. Inputs are drawn from `low` to `high`."""

    function: Callable[..., Any]
    shapes: tuple[Shape, ...]
    low: float = -2.0
    high: float = 2.0

    def inputs(self, seed: int = 0) -> list[NDArray[np.float64]]:
        rng = np.random.default_rng(seed)
        return [rng.uniform(self.low, self.high, shape) for shape in self.shapes]


def unary(function: Callable[..., Any], low: float = -2.0, high: float = 2.0) -> list[Sample]:
    """An elementwise function of one input."""
    return [Sample(function, (shape,), low, high) for shape in [(), (3,), (2, 3), (0, 2), (2, 1, 3)]]


def binary(function: Callable[..., Any], low: float = -2.0, high: float = 2.0) -> list[Sample]:
    """An elementwise function of two inputs, which broadcast in every way."""
    pairs: list[tuple[Shape, Shape]] = [
        ((), ()),
        ((3,), ()),
        ((), (2, 3)),
        ((3, 1), (4,)),
        ((2, 3), (2, 3)),
        ((2, 2, 3), (2, 3)),
        ((1,), (2, 1, 3)),
        ((0, 3), (3,)),
        ((2, 1), (2, 0)),
    ]
    return [Sample(function, pair, low, high) for pair in pairs]


def reduction(function: Callable[..., Any], empty: bool = True) -> list[Sample]:
    """A reduction over one, several or all axes."""
    axes: list[Any] = [None, 0, -1, (0, 2), (-1, 0), (0, 1, 2), ()]
    samples = [
        Sample(lambda x, a=axis, k=keep: function(x, axis=a, keepdims=k), ((2, 3, 2),))
        for axis in axes
        for keep in (False, True)
    ]
    samples += [Sample(function, (shape,)) for shape in [(), (4,)]]
    return samples + (
        [Sample(function, ((0, 3),)), Sample(lambda x: function(x, axis=1), ((0, 3),))] if empty else []
    )


def indexing(function: Callable[[Any, Any], Any]) -> list[Sample]:
    """Every kind of index into an array of shape (4, 3)."""
    mask = np.array([True, False, True, False])
    keys: list[Any] = [
        1,
        -1,
        (2, 0),
        slice(None, None, -2),
        (slice(1, 3), slice(0, 0)),
        (..., 0),
        (None, 1, None),
        np.array([0, 0, 1]),
        [3, 3],
        (np.array([[0, 1], [1, 0]]), np.array([2, 2])),
        (slice(None), np.array([1, 1, 1])),
        mask,
        np.arange(12).reshape(4, 3) % 2 == 0,
        (mask, 1),
        np.zeros(4, bool),
        (),
    ]
    return [Sample(lambda x, k=key: function(x, k), ((4, 3),)) for key in keys]


def scatter(x: Any, key: Any) -> Any:
    """Scatter the part of x that the key selects."""
    return rules.scatter(x[key], key, (4, 3))


TARGET = np.array([2, 0, 1, 1])
MASK = np.array([[True, False, True], [False, False, True]])
SHAPES_OF_MATMUL: list[tuple[Shape, Shape]] = [
    ((3,), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3,)),
    ((2, 3), (3, 4)),
    ((3,), (2, 3, 4)),
    ((2, 4, 3), (3,)),
    ((2, 2, 3), (3, 2)),
    ((2, 3), (2, 3, 2)),
    ((2, 1, 2, 3), (3, 3, 2)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 3)),
    ((1, 2, 3), (4, 3, 1)),
]

ROWS: dict[str, list[Sample]] = {
    "add": binary(mt.add),
    "subtract": binary(mt.subtract),
    "multiply": binary(mt.multiply),
    "divide": binary(mt.divide, 0.5, 2),
    "power": [
        *binary(mt.power, 0.5, 2),
        *unary(lambda x: x**3),
        *unary(lambda x: x**-1, 0.5, 2),
        *unary(lambda x: 2**x),
    ],
    "negative": unary(mt.negative),
    "absolute": unary(mt.absolute),
    "exp": unary(mt.exp),
    "log": unary(mt.log, 0.5, 3),
    "sqrt": unary(mt.sqrt, 0.5, 3),
    "tanh": unary(mt.tanh),
    "sigmoid": unary(mt.sigmoid, -4, 4),
    "relu": unary(mt.relu),
    "leaky_relu": [
        *unary(mt.leaky_relu),
        *unary(lambda x: mt.leaky_relu(x, 0.2)),
        *unary(lambda x: mt.leaky_relu(x, 2.0)),
    ],
    "erf": unary(mt.erf),
    "gelu": unary(mt.gelu),
    "logaddexp": binary(mt.logaddexp, -4, 4),
    "maximum": binary(mt.maximum),
    "minimum": binary(mt.minimum),
    "clip": [
        *unary(lambda x: mt.clip(x, -1, 0.5)),
        *unary(lambda x: mt.clip(x, max=0.5)),
        *unary(lambda x: mt.clip(x, 0)),
    ],
    "where": [
        Sample(lambda x, y: mt.where(MASK, x, y), pair)
        for pair in [((2, 3), (2, 3)), ((), (3,)), ((2, 1), ())]
    ],
    "zero_where": [
        Sample(lambda x: mt.zero_where(x, MASK), ((2, 3),)),
        Sample(lambda x: mt.zero_where(x, True), ((2,),)),
    ],
    "sum": reduction(mt.sum),
    "mean": reduction(mt.mean, empty=False),
    "max": reduction(mt.max, empty=False),
    "min": reduction(mt.min, empty=False),
    "logsumexp": reduction(mt.logsumexp, empty=False),
    "reshape": [
        Sample(lambda x: x.reshape(3, -1), ((2, 3),)),
        Sample(lambda x: mt.reshape(x, (6,)), ((2, 3),)),
        Sample(lambda x: x.reshape(()), ((1, 1),)),
        Sample(lambda x: x.reshape(0, 5), ((0, 3),)),
    ],
    "transpose": [
        Sample(mt.transpose, ((2, 3),)),
        Sample(mt.transpose, ((),)),
        Sample(lambda x: x.transpose(1, 2, 0), ((2, 3, 4),)),
        Sample(lambda x: x.transpose((-1, 0, 1)), ((2, 3, 0),)),
        Sample(lambda x: x.T @ x, ((2, 3),)),
    ],
    "swapaxes": [Sample(lambda x: x.swapaxes(0, -1), ((2, 3, 4),))],
    "broadcast_to": [
        Sample(lambda x: x.broadcast_to((4, 2, 3)), (shape,)) for shape in [(), (3,), (2, 1), (4, 2, 3)]
    ],
    "index": indexing(lambda x, key: x[key]),
    "scatter": indexing(scatter),
    "concatenate": [
        Sample(lambda x, y: mt.concatenate([x, y]), ((2, 3), (1, 3))),
        Sample(lambda x, y: mt.concatenate([x, y, x], axis=-1), ((2, 3), (2, 0))),
        Sample(lambda x: mt.concatenate([x]), ((2,),)),
    ],
    "stack": [
        Sample(lambda x, y: mt.stack([x, y]), ((2, 3), (2, 3))),
        Sample(lambda x, y: mt.stack([x, y, x], axis=-1), ((2,), (2,))),
        Sample(lambda x, y: mt.stack([x, y], 1), ((2, 0), (2, 0))),
        Sample(lambda x: mt.stack([x]), ((),)),
    ],
    "astype": [Sample(lambda x: x.astype(np.float64), ((2, 3),))],
    "matmul": [Sample(mt.matmul, pair) for pair in SHAPES_OF_MATMUL],
    "linear": [
        Sample(mt.linear, ((4, 3), (2, 3), (2,))),
        Sample(mt.linear, ((3,), (2, 3), (2,))),
        Sample(mt.linear, ((2, 2, 3), (4, 3), (4,))),
        Sample(mt.linear, ((0, 3), (2, 3), (2,))),
        Sample(lambda x, w: mt.linear(x, w), ((4, 3), (2, 3))),
    ],
    "softmax": [Sample(lambda x, a=axis: mt.softmax(x, a), ((3, 4),)) for axis in (0, -1)],
    "log_softmax": [Sample(lambda x, a=axis: mt.log_softmax(x, a), ((3, 4),)) for axis in (0, -1)],
    "cross_entropy": [
        Sample(lambda x, r=reduce: mt.cross_entropy(x, TARGET, r), ((4, 3),))
        for reduce in ("mean", "sum", "none")
    ],
}

OFF_THE_GRAPH = {
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
    *("logical_and", "logical_or", "logical_not", "sign", "argmax"),
}
