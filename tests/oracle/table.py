"""The table of operations: each with the same one of PyTorch, and the inputs to try both on."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional

import minitensor as mt
from tests.oracle.agreement import Array, Function

Shape = tuple[int, ...]

RNG = np.random.default_rng(0)


class Sample(NamedTuple):
    """Inputs, of which arrays become tensors, and the attributes of the operation."""

    inputs: tuple[Any, ...]
    attrs: dict[str, Any]


class Row(NamedTuple):
    """An operation here, the same in PyTorch, and what to try both on."""

    ours: Function
    theirs: Function
    samples: list[Sample]


def sample(*inputs: Any, **attrs: Any) -> Sample:
    return Sample(inputs, attrs)


def drawn(*shape: int) -> Array:
    return RNG.normal(size=shape)


def with_each(samples: Sequence[Sample], **choices: Sequence[Any]) -> list[Sample]:
    """Every sample with every combination of the attributes."""
    return [
        Sample(inputs, {**attrs, **dict(zip(choices, values, strict=True))})
        for inputs, attrs in samples
        for values in product(*choices.values())
    ]


# --------------------------------------------------------------------------------------------- samples

POINTS = np.array([0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 40.0, -40.0, 1000.0, -1000.0, np.inf, -np.inf, np.nan])
"""Where functions are singular, saturate or overflow."""

ONE: list[Sample] = [
    *[sample(drawn(*shape)) for shape in [(), (3,), (2, 3), (0, 2), (2, 1, 3)]],
    sample(drawn(3, 2).T),
    sample(drawn(4, 6)[:, ::2]),
    sample(POINTS),
]

PAIRS: list[tuple[Shape, Shape]] = [
    *[((), ()), ((3,), ()), ((), (2, 3)), ((2, 3), (2, 3)), ((1,), (1, 1))],
    *[((3, 1), (4,)), ((4,), (3, 1)), ((2, 2, 3), (2, 3)), ((1,), (2, 1, 3)), ((5, 1, 3), (1, 2, 1))],
    *[((0, 3), (3,)), ((2, 1), (2, 0))],
]

TWO: list[Sample] = [
    *[sample(drawn(*x), drawn(*y)) for x, y in PAIRS],
    sample(drawn(3, 2).T, drawn(2, 3)),
    sample(drawn(2, 3), drawn(3, 2).T),
    sample(POINTS.repeat(len(POINTS)), np.tile(POINTS, len(POINTS))),  # all pairs of points, ties among them
]

NUMBERS: list[Sample] = [
    sample(drawn(2, 3), 1.5),
    sample(1.5, drawn(2, 3)),
    sample(drawn(3), 2),
    sample(3, POINTS),
]
"""A Python number on either side."""

REDUCED: list[Sample] = [
    *with_each(
        [sample(drawn(2, 3, 2))], axis=[None, 0, -1, (0, 2), (-1, 0), (0, 1, 2)], keepdims=[False, True]
    ),
    *with_each([sample(drawn(4, 3).T)], axis=[0, 1]),
    sample(drawn()),
    sample(drawn(), axis=0),
    sample(drawn(4)),
    sample(drawn(0, 3), axis=1),
    *with_each([sample(np.array([[1.0, 3.0, 3.0], [3.0, 2.0, 2.0]]))], axis=[None, 0, 1, (0, 1)]),
    *with_each([sample(np.array([[0.0, -0.0, 0.0]]))], axis=[None, 0, 1]),
    sample(np.array([[np.inf, 1], [-np.inf, 1], [np.nan, 1], [-1000, 1000], [1000, 999]]), axis=1),
    sample(np.array([[-np.inf, -np.inf], [np.inf, np.inf], [np.inf, -np.inf], [np.nan, np.inf]]), axis=1),
]
EMPTY: list[Sample] = [sample(drawn(0)), sample(drawn(0, 3), axis=0), sample(drawn(2, 0, 3), axis=(0, 1))]

KEYS: list[Any] = [
    *[1, -1, (2, 0), (), ..., None, (..., 0), (None, 1, None), (0, ..., None)],
    *[slice(1, 3), slice(None, None, 2), (slice(1, 3), slice(0, 0)), (slice(None), 1)],
    *[slice(None, None, -1), slice(None, None, -2), (slice(1, 3), slice(2, 0, -1))],
    *[np.array([0, 0, 1]), [3, 3], np.array([-1, 3]), np.array([[0, 1], [1, 0]]), np.array([], int)],
    *[(np.array([[0, 1], [1, 0]]), np.array([2, 2])), (slice(None), np.array([1, 1, 1]))],
    *[(np.array([0, 0]), slice(0, 2)), (np.array([1, 1]), None, np.array([2, 2])), (np.array([3, 1]), 0)],
    np.array([True, False, True, False]),
    (np.array([True, False, True, False]), 1),
    np.arange(12).reshape(4, 3) % 2 == 0,
    np.zeros(4, bool),
]

STACKS: list[Shape] = [(), (4,), (1,), (5, 1)]
PRODUCTS: list[Sample] = [
    *[
        sample(drawn(*x), drawn(*y))
        for x in [(3,), (0, 3), *[(*stack, 2, 3) for stack in STACKS]]
        for y in [(3,), (3, 0), *[(*stack, 3, 2) for stack in STACKS]]
    ],
    sample(drawn(2, 0), drawn(0, 3)),
    sample(drawn(0), drawn(0)),
    sample(drawn(3, 2).T, drawn(4, 3).T),
    sample(drawn(2, 3, 4).swapaxes(1, 2), drawn(3)),
    sample(np.array([[np.inf, 1.0], [0.0, np.nan]]), np.array([[0.0, 1.0], [2.0, 3.0]])),
]

LOGITS = np.array(
    [[1000, -1000, 0], [-1000, -1000, -1000], [2, 2, 2], [0, -np.inf, 1], [np.nan, 0, 0], [88, 89, 90]]
)
ROWS_OF_LOGITS: list[Sample] = [
    *with_each(
        [sample(drawn(3, 4)), sample(drawn(4, 3).T), sample(drawn(2, 3, 2)), sample(drawn(3, 1))],
        axis=[0, -1],
    ),
    sample(drawn(4)),
    sample(drawn(0, 3)),
    sample(LOGITS),
    sample(np.array([[-np.inf, -np.inf], [np.inf, 0.0], [np.inf, -np.inf], [np.inf, np.inf]])),
]


# ------------------------------------------------------------------------- PyTorch under NumPy's names


def over_axes(function: Function) -> Function:
    """A reduction of torch, given NumPy's axis and keepdims."""

    def reduce(x: torch.Tensor, axis: Any = None, keepdims: bool = False) -> Any:
        return function(x, tuple(range(x.ndim)) if axis is None else axis, keepdim=keepdims)

    return reduce


def torch_transpose(x: torch.Tensor, *axes: Any) -> torch.Tensor:
    return x.permute(axes or tuple(reversed(range(x.ndim))))


def torch_key(key: Any) -> Any:
    """Lists and arrays as tensors."""
    parts = key if isinstance(key, tuple) else (key,)
    return tuple([torch.as_tensor(part) if isinstance(part, list | np.ndarray) else part for part in parts])


def torch_index(x: torch.Tensor, key: Any) -> torch.Tensor:
    """PyTorch refuses negative steps: such an axis is flipped and walked forwards."""
    parts = list(key) if isinstance(key, tuple) else [key]
    for axis, part in enumerate(parts):
        if isinstance(part, slice) and (part.step or 1) < 0:
            visited = range(*part.indices(x.shape[axis]))[::-1]
            x = x[(slice(None),) * axis + (slice(visited.start, visited.stop, visited.step),)].flip(axis)
            parts[axis] = slice(None)
    return x[torch_key(tuple(parts))]


def torch_scatter(x: torch.Tensor, key: Any, shape: Shape) -> torch.Tensor:
    """By definition: the gradient of indexing."""
    zeros = torch.zeros(shape, dtype=x.dtype, requires_grad=True)
    (y,) = torch.autograd.grad(torch_index(zeros, key), zeros, x, create_graph=True)
    return y


def scattered(key: Any) -> Sample:
    shape = np.zeros((4, 3))[key].shape
    return sample(drawn(*shape), key=key, shape=(4, 3))


def torch_cross_entropy(x: torch.Tensor, target: Any, reduction: str = "mean") -> torch.Tensor:
    return functional.cross_entropy(x, torch.as_tensor(target), reduction=reduction)


# ------------------------------------------------------------------------------------------- the table

ROWS: dict[str, Row] = {
    "add": Row(mt.add, operator.add, TWO + NUMBERS),
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
    "negative": Row(mt.negative, torch.negative, ONE),
    "absolute": Row(mt.absolute, torch.absolute, ONE),
    "exp": Row(mt.exp, torch.exp, ONE),
    "log": Row(mt.log, torch.log, [*ONE, sample(np.exp(drawn(2, 3)))]),
    "sqrt": Row(mt.sqrt, torch.sqrt, [*ONE, sample(np.exp(drawn(2, 3)))]),
    "tanh": Row(mt.tanh, torch.tanh, ONE),
    "sigmoid": Row(mt.sigmoid, torch.sigmoid, ONE),
    "relu": Row(mt.relu, torch.relu, ONE),
    "leaky_relu": Row(
        mt.leaky_relu,
        functional.leaky_relu,
        ONE + with_each([sample(POINTS)], negative_slope=[0.2, 2.0, 0.0]),
    ),
    "erf": Row(mt.erf, torch.erf, ONE),
    "gelu": Row(
        mt.gelu, functional.gelu, [*ONE[:-1], sample(POINTS[np.isfinite(POINTS)])]
    ),  # theirs at inf is NaN
    "logaddexp": Row(mt.logaddexp, torch.logaddexp, TWO),
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
    "sum": Row(mt.sum, over_axes(torch.sum), REDUCED + EMPTY),
    "mean": Row(mt.mean, over_axes(torch.mean), REDUCED + EMPTY),
    "max": Row(mt.max, over_axes(torch.amax), REDUCED),
    "min": Row(mt.min, over_axes(torch.amin), REDUCED),
    "logsumexp": Row(mt.logsumexp, over_axes(torch.logsumexp), REDUCED),
    "reshape": Row(
        mt.reshape,
        torch.reshape,
        [
            *[sample(drawn(2, 3), shape) for shape in [(3, -1), (6,), (1, 2, 3)]],
            sample(drawn(3, 2).T, (6,)),
            sample(drawn(1, 1), ()),
            sample(drawn(0, 3), (0, 5)),
        ],
    ),
    "transpose": Row(
        mt.transpose,
        torch_transpose,
        [*ONE, sample(drawn(2, 3, 4)), sample(drawn(2, 3, 4), 1, 2, 0), sample(drawn(2, 3, 0), -1, 0, 1)],
    ),
    "swapaxes": Row(
        mt.swapaxes,
        torch.swapaxes,
        [sample(drawn(2, 3, 4), 0, -1), sample(drawn(2, 3), 1, 0), sample(drawn(2), 0, 0)],
    ),
    "broadcast_to": Row(
        mt.broadcast_to,
        torch.broadcast_to,
        [sample(drawn(*x), (4, 2, 3)) for x in [(), (3,), (2, 1), (1, 1, 1), (4, 2, 3)]]
        + [sample(drawn(1, 3), (0, 3))],
    ),
    "index": Row(mt.index, torch_index, with_each([sample(drawn(4, 3)), sample(drawn(3, 4).T)], key=KEYS)),
    "scatter": Row(mt.scatter, torch_scatter, [scattered(key) for key in KEYS]),
    "concatenate": Row(
        lambda *arrays, axis=0: mt.concatenate(arrays, axis),
        lambda *arrays, axis=0: torch.cat(arrays, axis),
        [
            sample(drawn(2, 3), drawn(1, 3)),
            sample(drawn(2, 3), drawn(1, 2).T, axis=-1),
            sample(drawn(2, 0), drawn(2, 3), axis=1),
            sample(drawn(3)),
        ],
    ),
    "stack": Row(
        lambda *arrays, axis=0: mt.stack(arrays, axis),
        lambda *arrays, axis=0: torch.stack(arrays, axis),
        [
            *with_each([sample(drawn(2, 3), drawn(3, 2).T)], axis=[0, 1, -1]),
            sample(drawn(), drawn()),
            sample(drawn(2, 0), drawn(2, 0)),
        ],
    ),
    "astype": Row(
        mt.astype,
        lambda x, dtype: x.to(getattr(torch, dtype)),
        with_each([sample(drawn(2, 3)), sample(drawn())], dtype=["float32", "float64"]),
    ),
    "matmul": Row(mt.matmul, torch.matmul, PRODUCTS),
    "linear": Row(
        mt.linear,
        functional.linear,
        [
            *[sample(drawn(*x), drawn(4, 3), drawn(4)) for x in [(3,), (2, 3), (2, 5, 3), (0, 3)]],
            *[sample(drawn(*x), drawn(4, 3)) for x in [(3,), (2, 3), (2, 5, 3)]],
            sample(drawn(3, 2).T, drawn(3, 4).T, drawn(4)),
        ],
    ),
    "softmax": Row(mt.softmax, lambda x, axis=-1: torch.softmax(x, axis), ROWS_OF_LOGITS),
    "log_softmax": Row(mt.log_softmax, lambda x, axis=-1: torch.log_softmax(x, axis), ROWS_OF_LOGITS),
    "cross_entropy": Row(
        mt.cross_entropy,
        torch_cross_entropy,
        with_each(
            [
                sample(drawn(4, 3), target=np.array([2, 0, 1, 1])),
                sample(drawn(3, 4).T, target=np.array([2, 0, 1, 1], np.int64)),
                sample(drawn(2, 1), target=np.array([0, 0])),
                sample(drawn(0, 3), target=np.array([], np.int64)),
                sample(LOGITS, target=np.array([1, 0, 2, 2, 0, 0])),
                sample(LOGITS, target=np.array([0, 1, 0, 1, 1, 2])),
            ],
            reduction=["mean", "sum", "none"],
        ),
    ),
}

COMPARED: list[Sample] = [
    *TWO,
    sample(drawn(2, 3), 0.0),
    sample(np.array([1, 2, 3]), np.array([1.0, 2.0, 4.0])),
]

ROWS_OFF_THE_GRAPH: dict[str, Row] = {
    "equal": Row(mt.equal, torch.eq, COMPARED),
    "not_equal": Row(mt.not_equal, torch.ne, COMPARED),
    "less": Row(mt.less, torch.lt, COMPARED),
    "less_equal": Row(mt.less_equal, torch.le, COMPARED),
    "greater": Row(mt.greater, torch.gt, COMPARED),
    "greater_equal": Row(mt.greater_equal, torch.ge, COMPARED),
    "logical_and": Row(mt.logical_and, torch.logical_and, TWO),
    "logical_or": Row(mt.logical_or, torch.logical_or, TWO),
    "logical_not": Row(mt.logical_not, torch.logical_not, ONE),
    # ours, as NumPy's: the sign of NaN is NaN, where PyTorch's is 0
    "sign": Row(mt.sign, lambda x: torch.where(x.isnan(), x, torch.sign(x)), ONE),
    "argmax": Row(
        mt.argmax,
        lambda x, axis=None, keepdims=False: torch.argmax(x, axis, keepdims),
        [
            *with_each([sample(drawn(2, 3, 2))], axis=[None, 0, -1], keepdims=[False, True]),
            *with_each([sample(np.array([[1.0, 3.0, 3.0], [3.0, np.nan, 2.0]]))], axis=[None, 0, 1]),
            sample(drawn()),
        ],
    ),
}
