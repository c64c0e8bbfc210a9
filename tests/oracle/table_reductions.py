"""Sums, means, norms, extremes, products, medians, running sums; and counting, off the graph."""

from __future__ import annotations

import math
from functools import reduce
from operator import mul
from typing import Any

import numpy as np
import torch

import minitensor as mt
from tests.oracle.samples import (
    EMPTY,
    ONE,
    POINTS,
    REDUCED,
    TWO,
    Row,
    Sample,
    as_one_row,
    drawn,
    over_axes,
    part_of,
    sample,
    with_each,
    without_warnings,
)

ZEROS = np.array([[1.0, 2.0, 0.0, 3.0], [0.0, 2.0, 0.0, 3.0], [0.0, 0.0, 0.0, 1.0], [-1.0, 2.0, 3.0, -4.0]])
"""Rows with no zero, one, two and three: a product's gradient that divides by x would be NaN."""
EQUAL: list[Sample] = [
    *with_each([sample(np.full((2, 3), 1.5)), sample(np.zeros((2, 3)))], axis=[None, 0, 1]),
    sample(np.array([[2.0, 2.0], [1.0, 3.0]]), axis=1),
]
TIES = np.array([[1.0, 3.0, 3.0, 1.0], [2.0, 2.0, 2.0, 2.0], [-0.0, 0.0, -1.0, 1.0]])
NOT_FINITE = np.array(
    [[np.inf, 1, 2, 3], [-np.inf, 1, np.inf, 0], [np.nan, 1, 2, 0], [0, np.inf, 1, 2], [np.inf, np.nan, 1, 2]]
)
INFINITE = with_each([sample(NOT_FINITE)], axis=[None, 0, 1])
ALONG: list[Sample] = [
    *with_each([sample(drawn(2, 3, 4)), sample(drawn(4, 3, 2).T)], axis=[0, 1, -1]),
    sample(drawn(5), axis=0),
    sample(drawn(1, 4), axis=0),
]
"""One axis, as an attribute."""
ORDERED = [*ALONG, *with_each([sample(TIES), sample(NOT_FINITE)], axis=[0, -1])]


def torch_var(function: Any) -> Any:
    """Variance and deviation with NumPy's ddof, 0 by default; they warn where n − ddof is 0."""

    def compute(x: Any, axes: Any, keepdim: bool, ddof: float = 0, correction: float | None = None) -> Any:
        return function(x, axes, correction=ddof if correction is None else correction, keepdim=keepdim)

    return without_warnings(over_axes(compute))


def torch_norm(x: torch.Tensor, axes: Any, keepdim: bool, ord: float = 2) -> Any:
    return torch.linalg.vector_norm(x, ord, axes, keepdim)


def torch_prod(x: torch.Tensor, axes: Any, keepdim: bool) -> torch.Tensor:
    """One axis at a time. Not of infinities: as ours divides by nothing, factor by factor there."""
    for axis in sorted([a % max(x.ndim, 1) for a in (axes if isinstance(axes, tuple) else (axes,))])[::-1]:
        if x.isfinite().all():
            x = torch.prod(x, axis, keepdim)
        else:
            product = reduce(mul, x.unbind(axis))
            x = product.unsqueeze(axis) if keepdim else product
    return x


def torch_median(x: torch.Tensor, axis: Any = None, keepdims: bool = False) -> torch.Tensor:
    """Ours is their quantile at one half, over one axis or all at once."""
    if not isinstance(axis, tuple):
        return torch.quantile(x, 0.5, axis, keepdim=keepdims)
    axes = [a % x.ndim for a in axis]
    order = [a for a in range(x.ndim) if a not in axes] + axes
    y = torch.quantile(x.permute(order).flatten(x.ndim - len(axes)), 0.5, -1)
    return y.reshape([1 if a in axes else n for a, n in enumerate(x.shape)]) if keepdims else y


def torch_sort(x: torch.Tensor, axis: int, descending: bool = False) -> torch.Tensor:
    return torch.sort(x, dim=axis, descending=descending, stable=True).values


def torch_argsort(x: torch.Tensor, axis: int, descending: bool = False) -> torch.Tensor:
    return torch.argsort(x, dim=axis, descending=descending, stable=True)


def torch_topk(x: torch.Tensor, k: int, axis: int = -1, largest: bool = True) -> Any:
    """Theirs takes any of those that tie; ours the first."""
    if len(np.unique(x.numpy(force=True))) == x.numel():
        return torch.topk(x, k, axis, largest)
    values, indices = torch.sort(x, dim=axis, descending=largest, stable=True)
    return values.narrow(axis, 0, k), indices.narrow(axis, 0, k)


def extreme(function: Any) -> Any:
    return part_of(lambda x, axis=-1, keepdims=False: function(x, axis, keepdims))


def is_singular(s: Sample) -> bool:
    """Where norms of both libraries differ in their conventions, or in their second gradients."""
    x, ord = s.inputs[0], s.attrs.get("ord", 2)
    if ord in (math.inf, -math.inf):
        return bool(np.isnan(x).any())
    return ord == -1 and bool(np.isinf(x).any())


SPREAD: list[Sample] = [
    *[*REDUCED, *EMPTY, *EQUAL],
    *with_each([*REDUCED[:3], *EQUAL], ddof=[1, 0.5]),
    *with_each([sample(drawn(2, 3))], correction=[0, 1], axis=[None, 0]),
    *[sample(drawn(1, 3), axis=0, ddof=1), sample(drawn(4, 5, 6), ddof=3)],
]
NORMED: list[Sample] = [
    *[*REDUCED, *EMPTY, *EQUAL],
    *with_each(
        [*REDUCED, sample(ZEROS), sample(ZEROS, axis=1), *EQUAL],
        ord=[1, 3, 0.5, 2.5, 0, -1, math.inf, -math.inf],
    ),
]

REDUCTIONS: dict[str, Row] = {
    "sum": Row(mt.sum, over_axes(torch.sum), REDUCED + EMPTY),
    "mean": Row(mt.mean, over_axes(torch.mean), REDUCED + EMPTY),
    "var": Row(mt.var, torch_var(torch.var), SPREAD),
    "std": Row(mt.std, torch_var(torch.std), SPREAD),
    "norm": Row(mt.norm, over_axes(torch_norm), [s for s in NORMED if not is_singular(s)]),
    "logsumexp": Row(mt.logsumexp, over_axes(torch.logsumexp), REDUCED + EMPTY),
    "max": Row(mt.max, over_axes(torch.amax), REDUCED + with_each([sample(TIES)], axis=[None, 0, 1])),
    "min": Row(mt.min, over_axes(torch.amin), REDUCED + with_each([sample(TIES)], axis=[None, 0, 1])),
    "prod": Row(
        mt.prod,
        over_axes(torch_prod),
        [*REDUCED, *EMPTY, *with_each([sample(ZEROS)], axis=[None, 0, 1]), *INFINITE[:2]],
    ),
    "cumsum": Row(
        mt.cumsum,
        as_one_row(torch.cumsum),
        [*ONE, *ORDERED, sample(drawn(0, 3), axis=0), sample(drawn(2, 0), axis=0)],
    ),
    "cumprod": Row(
        mt.cumprod,
        as_one_row(torch.cumprod),
        [  # finite, as their gradient is NaN wherever an infinity was
            *[*ONE[:-1], *ALONG, sample(drawn(0, 3), axis=0), sample(drawn(2, 0), axis=0), sample(drawn(9))],
            *with_each([sample(ZEROS), sample(ZEROS[:, ::-1])], axis=[None, 0, 1]),
        ],
    ),
    "median": Row(
        mt.median,
        torch_median,
        [
            *with_each(
                [sample(drawn(2, 3, 4))], axis=[None, 0, 1, -1, (0, 2), (-1, 1)], keepdims=[False, True]
            ),
            *with_each([sample(drawn(4, 3).T), sample(TIES), sample(NOT_FINITE)], axis=[None, 0, 1]),
            *[sample(drawn()), sample(drawn(), axis=0), sample(drawn(1))],
        ],
    ),
    "max_with_indices": Row(
        part_of(mt.max_with_indices),
        extreme(torch.max),
        with_each([*ORDERED, sample(drawn()), sample(drawn(0, 3))], part=[0], keepdims=[False, True]),
    ),
    "min_with_indices": Row(
        part_of(mt.min_with_indices),
        extreme(torch.min),
        with_each([*ORDERED, sample(drawn()), sample(drawn(0, 3))], part=[0], keepdims=[False, True]),
    ),
    "sort": Row(
        mt.sort,
        lambda x, axis=-1, descending=False: as_one_row(torch_sort)(x, axis, descending=descending),
        [
            *[*ONE, *with_each(ORDERED, descending=[False, True]), sample(drawn(2, 3), axis=None)],
            *[sample(drawn(0)), sample(drawn(0, 3), axis=0), sample(POINTS, descending=True)],
        ],
    ),
    "topk": Row(
        part_of(mt.topk),
        part_of(torch_topk),
        [
            *with_each(ORDERED, part=[0], k=[1], largest=[False, True]),
            *with_each([sample(drawn(4, 3)), sample(TIES), sample(drawn(3, 4).T)], part=[0], k=[0, 2, 3]),
            *[sample(drawn(4, 3), k=3, axis=0, part=0), sample(drawn(), k=1, part=0)],
        ],
    ),
}

REDUCTIONS_OF_FIRST_ORDER: dict[str, Row] = {
    "prod": Row(mt.prod, over_axes(torch_prod), INFINITE[2:]),
}

COMPARED: list[Sample] = [
    *TWO,
    sample(drawn(2, 3), 0.0),
    sample(np.array([1, 2, 3]), np.array([1.0, 2.0, 4.0])),
]
BITS: list[Sample] = [
    *[
        sample(np.asarray(drawn(*x) > 0), np.asarray(drawn(*y) > 0))
        for x, y in [((2, 3), (2, 3)), ((2, 1), (3,)), ((), ()), ((0,), ())]
    ],
    *[sample(np.array([5, -3, 0, 1]), np.array(y)) for y in ([3, 6, -1, 1], 1, [[2], [-8]])],
    sample(drawn(3, 2).T > 0, drawn(2, 3) > 0),
]
COUNTED: list[Sample] = [
    *[*REDUCED, *EMPTY],
    *with_each([sample(ZEROS), sample(ZEROS > 0), sample(ZEROS.astype(int))], axis=[None, 0, 1, (0, 1)]),
    sample(ZEROS, axis=1, keepdims=True),
]
CLOSE: list[Sample] = [
    *TWO,
    sample(np.array([1.0, 1.0, 0.0, 100.0]), np.array([1 + 1e-6, 1 + 1e-4, 1e-9, 100.001])),
]


def torch_quantified(function: Any) -> Any:
    """Theirs takes tuples of axes too, but the empty one, which ours passes for 0 dimensions, as all."""
    return over_axes(lambda x, axes, keepdim: function(x, axes, keepdim=keepdim))


def torch_argextreme(function: Any) -> Any:
    return lambda x, axis=None, keepdims=False: function(x, axis, keepdims)


EXTREMES: list[Sample] = [
    *with_each([sample(drawn(2, 3, 2))], axis=[None, 0, -1], keepdims=[False, True]),
    *with_each([sample(np.array([[1.0, 3.0, 3.0], [3.0, np.nan, 2.0]]))], axis=[None, 0, 1]),
    *[*ORDERED, sample(drawn()), sample(TIES)],
]

OFF_THE_GRAPH: dict[str, Row] = {
    "equal": Row(mt.equal, torch.eq, COMPARED),
    "not_equal": Row(mt.not_equal, torch.ne, COMPARED),
    "less": Row(mt.less, torch.lt, COMPARED),
    "less_equal": Row(mt.less_equal, torch.le, COMPARED),
    "greater": Row(mt.greater, torch.gt, COMPARED),
    "greater_equal": Row(mt.greater_equal, torch.ge, COMPARED),
    "logical_and": Row(mt.logical_and, torch.logical_and, TWO),
    "logical_or": Row(mt.logical_or, torch.logical_or, TWO),
    "logical_xor": Row(mt.logical_xor, torch.logical_xor, TWO),
    "logical_not": Row(mt.logical_not, torch.logical_not, ONE),
    "bitwise_and": Row(mt.bitwise_and, torch.bitwise_and, BITS),
    "bitwise_or": Row(mt.bitwise_or, torch.bitwise_or, BITS),
    "bitwise_xor": Row(mt.bitwise_xor, torch.bitwise_xor, BITS),
    "invert": Row(mt.invert, torch.bitwise_not, [Sample(inputs[:1], {}) for inputs, _ in BITS]),
    "isnan": Row(mt.isnan, torch.isnan, [*ONE, sample(np.array([1, 0]))]),
    "isinf": Row(mt.isinf, torch.isinf, [*ONE, sample(np.array([1, 0]))]),
    "isfinite": Row(mt.isfinite, torch.isfinite, [*ONE, sample(np.array([1, 0]))]),
    "isclose": Row(
        mt.isclose,
        torch.isclose,
        CLOSE + with_each(CLOSE, rtol=[0.0, 1e-3], atol=[1e-7], equal_nan=[False, True]),
    ),
    "any": Row(mt.any, torch_quantified(torch.any), COUNTED),
    "all": Row(mt.all, torch_quantified(torch.all), COUNTED),
    "count_nonzero": Row(
        mt.count_nonzero,
        over_axes(lambda x, axes, keepdim: torch.sum(x != 0, axes, keepdim=keepdim)),
        COUNTED,
    ),
    "argmax": Row(mt.argmax, torch_argextreme(torch.argmax), EXTREMES),
    "argmin": Row(mt.argmin, torch_argextreme(torch.argmin), EXTREMES),
    "argsort": Row(
        mt.argsort,
        lambda x, axis=-1, descending=False: as_one_row(torch_argsort)(x, axis, descending=descending),
        [
            *with_each([*ORDERED, *ONE, sample(TIES, axis=None)], descending=[False, True]),
            *[sample(drawn(0, 3), axis=0), sample(np.array([3, 1, 3, 1, 2]), descending=True)],
        ],
    ),
}
