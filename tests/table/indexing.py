"""Elements chosen by their place, or put there; in order; in parts."""

from __future__ import annotations

from typing import Any

import numpy as np

import minitensor as mt
from tests.table.checks import check, several
from tests.table.forms import part_of, with_places
from tests.table.row import Check, Function, Row, Sample
from tests.table.samples import NOT_FINITE, ONE, ORDERED, POINTS, TIES, drawn, sample, with_each

BETWEEN = ["linear", "lower", "higher", "nearest", "midpoint"]
ROWS_OF_MASK = np.array([True, False, True, False])


def indexing(function: Function) -> list[Check]:
    """Every kind of index into an array of shape (4, 3)."""
    keys: list[Any] = [
        *[1, -1, (2, 0), slice(None, None, -2), (slice(1, 3), slice(0, 0)), (..., 0), (None, 1, None)],
        *[np.array([0, 0, 1]), [3, 3], (np.array([[0, 1], [1, 0]]), np.array([2, 2]))],
        *[(slice(None), np.array([1, 1, 1])), ROWS_OF_MASK, np.arange(12).reshape(4, 3) % 2 == 0],
        *[(ROWS_OF_MASK, 1), np.zeros(4, bool), ()],
    ]
    return [check(lambda x, k=key: function(x, k), (4, 3)) for key in keys]


KEYS: list[Any] = [
    *[1, -1, (2, 0), (), ..., None, (..., 0), (None, 1, None), (0, ..., None)],
    *[slice(1, 3), slice(None, None, 2), (slice(1, 3), slice(0, 0)), (slice(None), 1)],
    *[slice(None, None, -1), slice(None, None, -2), (slice(1, 3), slice(2, 0, -1))],
    *[np.array([0, 0, 1]), [3, 3], np.array([-1, 3]), np.array([[0, 1], [1, 0]]), np.array([], int)],
    *[(np.array([[0, 1], [1, 0]]), np.array([2, 2])), (slice(None), np.array([1, 1, 1]))],
    *[(np.array([0, 0]), slice(0, 2)), (np.array([1, 1]), None, np.array([2, 2])), (np.array([3, 1]), 0)],
    *[ROWS_OF_MASK, (ROWS_OF_MASK, 1), np.arange(12).reshape(4, 3) % 2 == 0, np.zeros(4, bool)],
]
INDEX = np.array([[2, 0, 0], [1, 0, 2]])


def scattered(key: Any) -> Sample:
    return sample(drawn(*np.zeros((4, 3))[key].shape), key=key, shape=(4, 3))


TAKEN: list[Sample] = [
    *with_each(
        [sample(drawn(4, 3)), sample(drawn(3, 4).T)],
        indices=[np.array([0, 2, 2]), np.array([[0, -1], [1, 0]]), np.array([], int), np.array(1)],
        axis=[None, 0, 1, -1],
    ),
    *[sample(drawn(4, 3), np.array([0, 2, 2]), 0), sample(drawn(3), indices=np.array([-1, 0]))],
    sample(drawn(4, 3), indices=2, axis=1),
]
GATHERED: list[Sample] = [
    sample(drawn(4, 3), 0, np.array([[0, 3, 1], [0, 0, 2]])),
    sample(drawn(4), 0, np.array([1, 1, 3, 0])),
    sample(drawn(4, 3), -1, np.array([[0], [2], [2], [1]])),
    sample(drawn(3, 4).T, 1, np.array([[2, 2]])),
    sample(drawn(4, 3), axis=1, index=np.array([[0, 0, 0, 2]])),
    *[sample(drawn(2, 2, 3), 1, np.zeros((2, 1, 3), int)), sample(drawn(4, 3), 0, np.zeros((0, 3), int))],
]
ADDED: list[Sample] = [
    sample(drawn(4, 3), 0, np.array([[0, 3, 1], [0, 0, 2]]), drawn(2, 3)),
    sample(drawn(4, 3), -1, np.array([[0], [2], [2]]), drawn(4, 3)),
    sample(drawn(4), 0, np.array([1, 1, 1]), drawn(3)),
    sample(drawn(3, 4).T, 1, np.array([[2, 2, 0, 1]]), drawn(4, 2).T),
    sample(drawn(4, 3), 0, np.zeros((0, 3), int), drawn(2, 3)),
]
TAKEN_ALONG: list[Sample] = [
    sample(drawn(2, 3), indices=np.array([[0, 2, 2], [1, 0, -1]])),
    sample(drawn(2, 3), indices=np.array([[0], [1]]), axis=1),
    sample(drawn(2, 3), indices=np.array([[0, 1, 1], [1, 1, 0], [0, 0, 0]]), axis=0),
    sample(drawn(3, 2).T, indices=np.array([[2, 0, 1, 1]]), axis=1),  # broadcasts
    sample(drawn(2, 3), indices=np.array([[1]]), axis=0),
    sample(drawn(2, 3), indices=np.array([5, 0, 0]), axis=None),
    sample(drawn(2, 3), np.array([[0, 2, 2], [1, 0, 1]])),
    sample(drawn(2, 3), indices=np.zeros((2, 0), int)),
]
EXTREMES: list[Sample] = with_each(
    [*ORDERED, sample(drawn()), sample(drawn(0, 3))], part=[0], keepdims=[False, True]
)
PARTS: list[Sample] = [
    *with_each([sample(drawn(6, 4)), sample(drawn(4, 6).T)], axis=[0, -1]),
    *[sample(drawn(6)), sample(drawn(4, 0))],
]

INDEXING: dict[str, Row] = {
    "index": Row(
        mt.index,
        "adapters.index",
        indexing(lambda x, key: x[key]),
        with_each([sample(drawn(4, 3)), sample(drawn(3, 4).T)], key=KEYS),
    ),
    "scatter": Row(
        mt.scatter,
        "adapters.scatter",
        indexing(lambda x, key: mt.scatter(x[key], key, (4, 3))),
        [scattered(key) for key in KEYS],
    ),
    "take": Row(
        mt.take,
        "adapters.take",
        [
            check(lambda x: mt.take(x, [0, 0, 5]), (2, 3)),
            check(lambda x: mt.take(x, np.array([[1, 0]]), -1), (2, 3)),
        ],
        TAKEN,
    ),
    "gather": Row(
        mt.gather,
        "with_tensors(gather)",
        [check(lambda x, a=axis: mt.gather(x, a, INDEX), (3, 3)) for axis in (0, 1, -1)],
        GATHERED,
    ),
    "scatter_add": Row(
        mt.scatter_add,
        "adapters.scatter_add",
        [check(lambda x, y, a=axis: mt.scatter_add(x, a, INDEX, y), (3, 3), (2, 3)) for axis in (0, 1)],
        ADDED,
    ),
    "take_along_axis": Row(
        mt.take_along_axis,
        "adapters.take_along_axis",
        [
            check(lambda x: mt.take_along_axis(x, INDEX, 0), (3, 3)),
            check(lambda x: mt.take_along_axis(x, np.array([[1, 0]]), 1), (3, 3)),
            check(lambda x: mt.take_along_axis(x, np.array([4, 4]), None), (3, 3)),
        ],
        TAKEN_ALONG,
    ),
    "max_with_indices": Row(
        mt.max_with_indices,
        "along_axis(max)",
        [
            check(lambda x: mt.max_with_indices(x, 0).values, (3, 4)),
            check(lambda x: mt.max_with_indices(x, -1, True).values, (3, 4)),
        ],
        EXTREMES,
        form=part_of,
    ),
    "min_with_indices": Row(
        mt.min_with_indices,
        "along_axis(min)",
        [check(lambda x: mt.min_with_indices(x).values, (3, 4))],
        EXTREMES,
        form=part_of,
    ),
    **{
        function.__name__: Row(
            function,
            f"along_axis({function.__name__})",
            [
                check(lambda x, function=function: function(x, 0).values, (3, 4)),
                check(lambda x, function=function: function(x).values, (2, 5)),
                check(lambda x, function=function: function(x, 0).values, ()),
            ],
            with_each([sample(TIES), sample(drawn(2, 6))], axis=[0, 1], part=[0]),
            form=part_of,
        )
        for function in (mt.cummax, mt.cummin)
    },
    "sort": Row(
        mt.sort,
        "adapters.sort",
        [
            *[check(lambda x, a=axis: mt.sort(x, a), (3, 4)) for axis in (0, -1, None)],
            check(lambda x: mt.sort(x, descending=True), (3, 4)),
        ],
        [
            *[*ONE, *with_each(ORDERED, descending=[False, True]), sample(drawn(2, 3), axis=None)],
            *[sample(drawn(0)), sample(drawn(0, 3), axis=0), sample(POINTS, descending=True)],
        ],
    ),
    "topk": Row(
        mt.topk,
        "adapters.topk",
        [
            check(lambda x: mt.topk(x, 2).values, (3, 4)),
            check(lambda x: mt.topk(x, 2, 0, False).values, (3, 4)),
        ],
        [
            *with_each(ORDERED, part=[0], k=[1], largest=[False, True]),
            *with_each([sample(drawn(4, 3)), sample(TIES), sample(drawn(3, 4).T)], part=[0], k=[0, 2, 3]),
            *[sample(drawn(4, 3), k=3, axis=0, part=0), sample(drawn(), k=1, part=0)],
        ],
        form=part_of,
    ),
    "median": Row(
        mt.median,
        "adapters.median",
        [*several(mt.median), check(mt.median, (4, 5))],
        [
            *with_each(
                [sample(drawn(2, 3, 4))], axis=[None, 0, 1, -1, (0, 2), (-1, 1)], keepdims=[False, True]
            ),
            *with_each([sample(drawn(4, 3).T), sample(TIES), sample(NOT_FINITE)], axis=[None, 0, 1]),
            *[sample(drawn()), sample(drawn(), axis=0), sample(drawn(1))],
        ],
    ),
    "quantile": Row(
        mt.quantile,
        "adapters.quantile",
        [
            *several(lambda x, **attrs: mt.quantile(x, 0.3, **attrs)),
            *[
                check(lambda x, m=method: mt.quantile(x, [0.2, 0.9], 0, method=m), (4, 3))
                for method in BETWEEN
            ],
            check(lambda x, q: mt.quantile(x, mt.sigmoid(q) * 0.1 + 0.4, 1), (2, 5), (2, 2)),
        ],
        [
            *with_each(
                [sample(drawn(2, 3, 4), 0.3)], axis=[None, 0, -1, (0, 2), (-1, 1)], keepdims=[False, True]
            ),
            *with_each(
                [sample(drawn(4, 5).T, 0.37), sample(drawn(6, 2), [0.1, 0.5, 0.83]), sample(drawn(7), 0.5)],
                axis=[0],
                keepdims=[False, True],
                method=BETWEEN,
            ),
            *with_each([sample(TIES, 0.6), sample(NOT_FINITE, 0.6)], axis=[0, 1]),
            *[sample(drawn(5), np.array([0.15, 0.6])), sample(drawn(5), [0.0, 1.0]), sample(drawn(), 0.3)],
            *[
                sample(drawn(1), 0.7, axis=0),
                sample(drawn(5), np.array(0.45)),
                sample(drawn(3, 2), [], axis=0),
            ],
        ],
    ),
    "percentile": Row(
        mt.percentile,
        "adapters.percentile",
        [check(lambda x, q=q: mt.percentile(x, q, -1), (2, 5)) for q in (12, [30.0, 80.0])],
        with_each([sample(drawn(3, 4), 37), sample(drawn(3, 4), [5.0, 95.0])], axis=[None, 0, 1, (0, 1)]),
    ),
    "interp": Row(
        mt.interp,
        "adapters.interp",
        [
            check(lambda x, fp: mt.interp(x, [-3.0, -1.0, 0.4, 3.0], fp), (2, 3), (4,)),
            check(lambda x, fp: mt.interp(x, [-1.0, 0.1, 0.9], fp, left=-5, right=7), (6,), (3,)),
            check(lambda x, xp, fp: mt.interp(x, mt.cumsum(mt.exp(xp)) - 3, fp), (6,), (5,), (5,)),
            check(lambda x, xp, fp: mt.interp(x, xp, fp, period=1.7), (6,), (4,), (4,)),
            check(lambda x, fp: mt.interp(x, [0.3], fp), (3,), (1,)),
        ],
        [
            *[sample(drawn(*shape), np.sort(drawn(5)), drawn(5)) for shape in [(), (4,), (2, 3), (0,)]],
            *with_each(
                [sample(drawn(3, 2).T, np.array([-0.5, 0.5]), drawn(2))], left=[None, 3.5], right=[None, -1.0]
            ),
            *[sample(drawn(4), np.array([0.2]), drawn(1)), sample(drawn(9), drawn(4), drawn(4), period=1.3)],
            sample(
                np.array([-9.0, 0.0, 1.0, 1.5, 2.0, 9.0, np.inf, -np.inf, np.nan]), np.arange(3.0), drawn(3)
            ),
            sample(np.array([0.5, 1.0, 2.0, 3.0]), np.array([0.0, 1.0, 1.0, 2.0, 2.0]), drawn(5)),
        ],
    ),
    "diff": Row(
        mt.diff,
        "adapters.diff",
        [
            *[check(lambda x, n=n, a=a: mt.diff(x, n, a), (4, 5)) for n in (0, 1, 2, 9) for a in (0, -1)],
            check(lambda x, y: mt.diff(x, prepend=0.5, append=y), (2, 3), (2, 2)),
        ],
        [
            *with_each([sample(drawn(2, 3, 4)), sample(drawn(4, 3, 2).T)], n=[0, 1, 2, 5], axis=[0, 1, -1]),
            *[sample(drawn(5)), sample(drawn(0)), sample(drawn(1)), sample(NOT_FINITE)],
            *with_each([sample(drawn(2, 3))], axis=[0, 1], prepend=[None, 0.0], append=[None, 1.5]),
        ],
    ),
    "trapezoid": Row(
        mt.trapezoid,
        "adapters.trapezoid",
        [
            *[check(lambda y, a=axis: mt.trapezoid(y, dx=0.5, axis=a), (3, 4)) for axis in (0, -1)],
            *[check(mt.trapezoid, (2, 4), x) for x in [(4,), (2, 4)]],
            check(lambda y, x: mt.trapezoid(y, x, axis=0), (3, 2), (3,)),
        ],
        [
            *with_each([sample(drawn(2, 3, 4)), sample(drawn(4, 3, 2).T)], axis=[0, 1, -1], dx=[1.0, 0.5]),
            *[
                sample(drawn(2, 4), drawn(4)),
                sample(drawn(4, 2), drawn(4), axis=0),
                sample(drawn(2, 4), drawn(2, 4)),
            ],
            *[sample(drawn(1)), sample(drawn(0)), sample(drawn(0, 3), axis=0)],
        ],
        form=with_places,
    ),
    "diag": Row(
        mt.diag,
        "adapters.diag",
        [
            check(lambda x, k=k: mt.diag(x, k), shape)
            for k in (0, 1, -2)
            for shape in [(3,), (0,), (2, 4), (3, 3)]
        ],
        [
            *with_each([sample(drawn(*n)) for n in [(3,), (1,), (0,), (2, 4), (4, 2)]], k=[0, 1, -2]),
            *[sample(POINTS), sample(drawn(4, 3).T), sample(drawn(2, 3), 5)],
        ],
    ),
    "unbind": Row(
        mt.unbind,
        "unbind",
        [check(lambda x, a=axis: sum(mt.unbind(x, a)), (3, 4)) for axis in (0, -1)],
        with_each(PARTS[:-1], part=[0, 1, -1]),
        form=part_of,
    ),
    "split": Row(
        mt.split,
        "adapters.split",
        [
            check(lambda x: mt.stack(mt.split(x, 2, 0)), (4, 3)),
            check(lambda x: mt.concatenate(mt.split(x, [1, 1, 3], 1)[::-1], axis=1), (2, 4)),
        ],
        [
            *with_each([sample(drawn(4, 6))], indices_or_sections=[2, 1], axis=[0, 1], part=[0, -1]),
            *with_each([sample(drawn(7, 3))], indices_or_sections=[3, 2, 1, 9], dim=[0, 1], part=[0, -1]),
            *with_each([sample(drawn(6, 4))], indices_or_sections=[(3, 1), (0, 4)], dim=[1], part=[0, 1]),
            *with_each(PARTS, indices_or_sections=[(0, 2), (3, 9), (-1,), ()], part=[0, -1]),
            *with_each(PARTS, indices_or_sections=[(1, 3), (2, 2)], axis=[0], part=[0, -1]),
            *with_each([sample(drawn(6, 4))], indices_or_sections=[(3, 1)], part=[0, 1, 2]),
        ],
        form=part_of,
    ),
    "chunk": Row(
        mt.chunk,
        "chunk",
        [check(lambda x: mt.concatenate(mt.chunk(x, 3, -1)[::-1], axis=-1), (2, 5))],
        with_each([*PARTS, sample(drawn(0, 3)), sample(drawn(7))], chunks=[1, 2, 3, 4, 9], part=[0, -1]),
        form=part_of,
    ),
    "diagonal": Row(
        mt.diagonal,
        "diagonal",
        [
            *[check(lambda x: mt.diagonal(x), (3, 4)), check(lambda x: mt.diagonal(x, 1, 2, 0), (3, 2, 4))],
            *[check(lambda x: mt.diagonal(x, -1), (3, 4)), check(lambda x: mt.diagonal(x, 5), (3, 4))],
        ],
        [
            *with_each([sample(drawn(3, 4)), sample(drawn(4, 3).T)], offset=[0, 1, -1, 3, -2]),
            *[sample(drawn(2, 3, 4), 0, i, j) for i, j in [(0, 1), (1, 2), (2, 0), (-1, -2)]],
            *[sample(drawn(2, 3, 4), 1, 2, 0), sample(drawn(0, 3)), sample(drawn(3, 4), offset=4)],
        ],
    ),
}
