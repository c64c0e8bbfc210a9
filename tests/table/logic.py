"""What has no gradient: comparisons, logic, bits, counts, and the places of extremes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import minitensor as mt
from tests.table.row import Function, Row, Sample
from tests.table.samples import EMPTY, ONE, ORDERED, REDUCED, TIES, TWO, ZEROS, drawn, sample, with_each


def off(function: Function, torch: str | None, samples: Sequence[Sample] = ()) -> Row:
    """An operation off the graph."""
    return Row(function, torch, samples=samples, graph=False)


COMPARED: list[Sample] = [
    *[*TWO, sample(drawn(2, 3), 0.0)],
    sample(np.array([1, 2, 3]), np.array([1.0, 2.0, 4.0])),
]
CLASSIFIED: list[Sample] = [*ONE, sample(np.array([1, 0]))]
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
EXTREMES: list[Sample] = [
    *with_each([sample(drawn(2, 3, 2))], axis=[None, 0, -1], keepdims=[False, True]),
    *with_each([sample(np.array([[1.0, 3.0, 3.0], [3.0, np.nan, 2.0]]))], axis=[None, 0, 1]),
    *[*ORDERED, sample(drawn()), sample(TIES)],
]

LOGIC: dict[str, Row] = {
    "equal": off(mt.equal, "eq", COMPARED),
    "not_equal": off(mt.not_equal, "ne", COMPARED),
    "less": off(mt.less, "lt", COMPARED),
    "less_equal": off(mt.less_equal, "le", COMPARED),
    "greater": off(mt.greater, "gt", COMPARED),
    "greater_equal": off(mt.greater_equal, "ge", COMPARED),
    "logical_and": off(mt.logical_and, "logical_and", TWO),
    "logical_or": off(mt.logical_or, "logical_or", TWO),
    "logical_xor": off(mt.logical_xor, "logical_xor", TWO),
    "logical_not": off(mt.logical_not, "logical_not", ONE),
    "isnan": off(mt.isnan, "isnan", CLASSIFIED),
    "isinf": off(mt.isinf, "isinf", CLASSIFIED),
    "isfinite": off(mt.isfinite, "isfinite", CLASSIFIED),
    "bitwise_and": off(mt.bitwise_and, "bitwise_and", BITS),
    "bitwise_or": off(mt.bitwise_or, "bitwise_or", BITS),
    "bitwise_xor": off(mt.bitwise_xor, "bitwise_xor", BITS),
    "invert": off(mt.invert, "bitwise_not", [sample(x) for (x, _), _ in BITS]),
    "any": off(mt.any, "over_axes(any)", COUNTED),
    "all": off(mt.all, "over_axes(all)", COUNTED),
    "count_nonzero": off(mt.count_nonzero, "over_axes(adapters.count_nonzero)", COUNTED),
    "isclose": off(
        mt.isclose,
        "isclose",
        CLOSE + with_each(CLOSE, rtol=[0.0, 1e-3], atol=[1e-7], equal_nan=[False, True]),
    ),
    "argmax": off(mt.argmax, "adapters.argmax", EXTREMES),
    "argmin": off(mt.argmin, "adapters.argmin", EXTREMES),
    "argsort": off(
        mt.argsort,
        "adapters.argsort",
        [
            *with_each([*ORDERED, *ONE, sample(TIES, axis=None)], descending=[False, True]),
            *[sample(drawn(0, 3), axis=0), sample(np.array([3, 1, 3, 1, 2]), descending=True)],
        ],
    ),
    # What they give is no tensor: compared one by one, elsewhere.
    "allclose": off(mt.allclose, "allclose"),
    "array_equal": off(mt.array_equal, "equal"),
    "shape": off(mt.shape, None),
    "ndim": off(mt.ndim, None),
    "size": off(mt.size, "numel"),
}
