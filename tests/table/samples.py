"""The samples that many rows have in common, and what samples are made with."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from tests.table.row import Array, Sample, Shape

RNG = np.random.default_rng(0)


def sample(*inputs: Any, **attrs: Any) -> Sample:
    return Sample(inputs, attrs)


def drawn(*shape: int) -> Array:
    return RNG.normal(size=shape)


def pairs(*shapes: tuple[Shape, Shape]) -> list[Sample]:
    """Two inputs of these shapes, of each in turn."""
    return [sample(drawn(*x), drawn(*y)) for x, y in shapes]


def with_each(samples: Sequence[Sample], **choices: Sequence[Any]) -> list[Sample]:
    """Every sample with every combination of the attributes."""
    return [
        Sample(inputs, {**attrs, **dict(zip(choices, values, strict=True))})
        for inputs, attrs in samples
        for values in product(*choices.values())
    ]


# ------------------------------------------------------------------------------------- element by element

POINTS = np.array([0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 40.0, -40.0, 1000.0, -1000.0, np.inf, -np.inf, np.nan])
"""Where functions are singular, saturate or overflow."""
EDGES = np.array([1.0, -1.0, 0.5, -0.5, 1 - 1e-6, 1e-6, -1e-6, 1e-12, 2.0, 5.0])
"""Near the ends of domains, and where precision is lost."""

ONE: list[Sample] = [
    *[sample(drawn(*shape)) for shape in [(), (3,), (2, 3), (0, 2), (2, 1, 3)]],
    *[sample(drawn(3, 2).T), sample(drawn(4, 6)[:, ::2])],
    sample(POINTS),
]
INSIDE: list[Sample] = [*ONE, sample(EDGES), sample(np.tanh(drawn(2, 3))), sample(np.exp(drawn(2, 3)))]
"""Inside of domains too, which may end at 0 or 1."""

TWO: list[Sample] = [
    *pairs(((), ()), ((3,), ()), ((), (2, 3)), ((2, 3), (2, 3)), ((1,), (1, 1)), ((3, 1), (4,))),
    *pairs(((4,), (3, 1)), ((2, 2, 3), (2, 3)), ((1,), (2, 1, 3)), ((5, 1, 3), (1, 2, 1))),
    *pairs(((0, 3), (3,)), ((2, 1), (2, 0))),
    *[sample(drawn(3, 2).T, drawn(2, 3)), sample(drawn(2, 3), drawn(3, 2).T)],
    sample(POINTS.repeat(len(POINTS)), np.tile(POINTS, len(POINTS))),  # all pairs of points, ties among them
]
NUMBERS: list[Sample] = [
    *[sample(drawn(2, 3), 1.5), sample(1.5, drawn(2, 3)), sample(drawn(3), 2)],
    sample(3, POINTS),
]
"""A Python number on either side."""

# -------------------------------------------------------------------------------------------- along axes

REDUCED: list[Sample] = [
    *with_each(
        [sample(drawn(2, 3, 2))], axis=[None, 0, -1, (0, 2), (-1, 0), (0, 1, 2)], keepdims=[False, True]
    ),
    *with_each([sample(drawn(4, 3).T)], axis=[0, 1]),
    *[sample(drawn()), sample(drawn(), axis=0), sample(drawn(4)), sample(drawn(0, 3), axis=1)],
    *with_each([sample(np.array([[1.0, 3.0, 3.0], [3.0, 2.0, 2.0]]))], axis=[None, 0, 1, (0, 1)]),
    *with_each([sample(np.array([[0.0, -0.0, 0.0]]))], axis=[None, 0, 1]),
    sample(np.array([[np.inf, 1], [-np.inf, 1], [np.nan, 1], [-1000, 1000], [1000, 999]]), axis=1),
    sample(np.array([[-np.inf, -np.inf], [np.inf, np.inf], [np.inf, -np.inf], [np.nan, np.inf]]), axis=1),
]
EMPTY: list[Sample] = [sample(drawn(0)), sample(drawn(0, 3), axis=0), sample(drawn(2, 0, 3), axis=(0, 1))]

ZEROS = np.array([[1.0, 2.0, 0.0, 3.0], [0.0, 2.0, 0.0, 3.0], [0.0, 0.0, 0.0, 1.0], [-1.0, 2.0, 3.0, -4.0]])
"""Rows with no zero, one, two and three: a product's gradient that divides by x would be NaN."""
TIES = np.array([[1.0, 3.0, 3.0, 1.0], [2.0, 2.0, 2.0, 2.0], [-0.0, 0.0, -1.0, 1.0]])
NOT_FINITE = np.array(
    [[np.inf, 1, 2, 3], [-np.inf, 1, np.inf, 0], [np.nan, 1, 2, 0], [0, np.inf, 1, 2], [np.inf, np.nan, 1, 2]]
)
ALONG: list[Sample] = [
    *with_each([sample(drawn(2, 3, 4)), sample(drawn(4, 3, 2).T)], axis=[0, 1, -1]),
    *[sample(drawn(5), axis=0), sample(drawn(1, 4), axis=0)],
]
"""One axis, as an attribute."""
ORDERED: list[Sample] = [*ALONG, *with_each([sample(TIES), sample(NOT_FINITE)], axis=[0, -1])]

LOGITS = np.array(
    [[1000, -1000, 0], [-1000, -1000, -1000], [2, 2, 2], [0, -np.inf, 1], [np.nan, 0, 0], [88, 89, 90]]
)
