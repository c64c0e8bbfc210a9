"""What the tables are made of: rows, samples, and the inputs that many operations are tried on."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import torch

from tests.oracle.agreement import Array, Function, is_array

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


# --------------------------------------------------------------------------------- from NumPy to PyTorch


def over_axes(function: Function) -> Function:
    """A reduction of torch, given NumPy's axis and keepdims."""

    def reduce(x: torch.Tensor, axis: Any = None, keepdims: bool = False, **attrs: Any) -> Any:
        return function(x, tuple(range(x.ndim)) if axis is None else axis, keepdim=keepdims, **attrs)

    return reduce


def as_one_row(function: Function) -> Function:
    """A function of torch along one axis, where NumPy's axis None means all elements as one row."""

    def along(x: torch.Tensor, axis: int | None = None, **attrs: Any) -> Any:
        return function(x.reshape(-1), 0, **attrs) if axis is None else function(x, axis, **attrs)

    return along


def with_tensors(function: Function) -> Function:
    """A function of torch that takes arrays among its attributes too."""

    def call(*inputs: Any, **attrs: Any) -> Any:
        return function(*inputs, **{k: torch.as_tensor(v) if is_array(v) else v for k, v in attrs.items()})

    return call


def part_of(function: Function) -> Function:
    """Of an operation with several outputs, the one numbered `part`."""
    return lambda *inputs, part, **attrs: function(*inputs, **attrs)[part]


def without_warnings(function: Function) -> Function:
    def call(*inputs: Any, **attrs: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*inputs, **attrs)

    return call
