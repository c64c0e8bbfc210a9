"""Sums, means, spreads, norms, extremes, products; running ones."""

from __future__ import annotations

import math

import numpy as np

import minitensor as mt
from tests.table.checks import check, reduction, several
from tests.table.forms import with_weights
from tests.table.row import Check, Function, Row, Sample
from tests.table.samples import (
    ALONG,
    EMPTY,
    NOT_FINITE,
    ONE,
    ORDERED,
    REDUCED,
    TIES,
    ZEROS,
    drawn,
    sample,
    with_each,
)


def running(function: Function) -> list[Check]:
    """A running sum or product."""
    return [
        *[check(lambda x, a=axis: function(x, a), (2, 5, 3)) for axis in (None, 0, 1, -1)],
        *[check(function, (4,)), check(function, ()), check(lambda x: function(x, 1), (2, 0))],
    ]


def is_singular(s: Sample) -> bool:
    """Where norms of both libraries differ in their conventions, or in their second gradients."""
    x, ord = s.inputs[0], s.attrs.get("ord", 2)
    if ord in (math.inf, -math.inf):
        return bool(np.isnan(x).any())
    return ord == -1 and bool(np.isinf(x).any())


EQUAL: list[Sample] = [
    *with_each([sample(np.full((2, 3), 1.5)), sample(np.zeros((2, 3)))], axis=[None, 0, 1]),
    sample(np.array([[2.0, 2.0], [1.0, 3.0]]), axis=1),
]
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
EXTREMES: list[Sample] = [*REDUCED, *with_each([sample(TIES)], axis=[None, 0, 1])]
OF_ZEROS = with_each([sample(ZEROS)], axis=[None, 0, 1])
OF_INFINITIES = with_each([sample(NOT_FINITE)], axis=[None, 0, 1])
OF_NAN = with_each([sample(NOT_FINITE), sample(np.full((2, 2), np.nan))], axis=[None, 0, 1, (0, 1)])
WEIGHTED: list[Sample] = [
    *with_each([sample(drawn(2, 3, 4), np.exp(drawn(3)))], axis=[1, -2], keepdims=[False, True]),
    *with_each([sample(drawn(2, 3, 4), np.exp(drawn(4, 2)))], axis=[(2, 0), (-1, 0)], keepdims=[False, True]),
    *[sample(drawn(3), np.array([1.0, 0.0, -1.0])), sample(drawn(), np.array(2.0))],
]
OF_NOTHING: list[Sample] = [sample(drawn(0, 3), axis=0), sample(drawn(2, 0), axis=0)]

REDUCTIONS: dict[str, Row] = {
    "sum": Row(mt.sum, "over_axes(sum)", reduction(mt.sum), REDUCED + EMPTY),
    "mean": Row(mt.mean, "over_axes(mean)", reduction(mt.mean, empty=False), REDUCED + EMPTY),
    "nansum": Row(mt.nansum, "over_axes(nansum)", reduction(mt.nansum), [*REDUCED, *EMPTY, *OF_NAN]),
    "nanmean": Row(
        mt.nanmean,
        "over_axes(adapters.nanmean)",
        reduction(mt.nanmean, empty=False),
        [*REDUCED, *EMPTY, *OF_NAN],
    ),
    "average": Row(
        mt.average,
        "adapters.average",
        [
            *several(mt.average),
            check(lambda x, w: mt.average(x, weights=w * w + 1), (2, 3), (2, 3)),
            *[
                check(lambda x, w, a=a: mt.average(x, a, w * w + 1), (2, 3), (n,))
                for a, n in [(0, 2), (-1, 3)]
            ],
            check(lambda x, w: mt.average(x, (2, 0), w * w + 1, True), (2, 3, 4), (4, 2)),
        ],
        [
            *[*REDUCED, *EMPTY, *WEIGHTED],
            *with_each(
                [sample(drawn(2, 3), np.exp(drawn(2, 3)))], axis=[None, 0, -1, (0, 1)], keepdims=[False, True]
            ),
        ],
        form=with_weights,
    ),
    "var": Row(
        mt.var,
        "with_ddof(var)",
        [
            *reduction(mt.var, empty=False),
            *[check(lambda x: x.var(0, 1), (3, 2)), check(lambda x: x.var(correction=1), (3, 2))],
        ],
        SPREAD,
    ),
    "std": Row(mt.std, "with_ddof(std)", [*several(mt.std), check(lambda x: x.std(0, 1), (3, 2))], SPREAD),
    "standardize": Row(
        mt.standardize,
        "adapters.standardize",
        [
            *[
                check(lambda x, a=axis: mt.standardize(x, a, 0.1), (3, 4, 2))
                for axis in (0, -1, (0, 2), (-2, -1), None)
            ],
            check(mt.standardize, (5,)),
        ],
        with_each([sample(drawn(3, 4, 5))], axis=[0, -1, (0, 2), (-2, -1), None], eps=[1e-5, 0.1]),
    ),
    "norm": Row(
        mt.norm,
        "over_axes(adapters.norm)",
        [
            *several(mt.norm),
            *[check(lambda x, p=p: mt.norm(x, p, 1), (2, 3, 2)) for p in (1, 3, 2.5, 0.5, 0, -1)],
            *[check(lambda x, p=p: mt.norm(x, p, (0, 1), True), (2, 3, 2)) for p in (np.inf, -np.inf)],
        ],
        [s for s in NORMED if not is_singular(s)],
    ),
    "logsumexp": Row(
        mt.logsumexp, "over_axes(logsumexp)", reduction(mt.logsumexp, empty=False), REDUCED + EMPTY
    ),
    **{
        name: Row(
            function,
            f"over_axes({name.replace('m', 'am') if len(name) == 3 else name})",
            reduction(function, empty=False),
            EXTREMES,
        )
        for name, function in {"max": mt.max, "min": mt.min, "amax": mt.amax, "amin": mt.amin}.items()
    },
    "ptp": Row(mt.ptp, "over_axes(adapters.ptp)", reduction(mt.ptp, empty=False), EXTREMES),
    "prod": Row(
        mt.prod,
        "over_axes(adapters.prod)",
        reduction(mt.prod),
        [*REDUCED, *EMPTY, *OF_ZEROS, *OF_INFINITIES[:2]],
        singular=OF_INFINITIES[2:],
    ),
    "logcumsumexp": Row(
        mt.logcumsumexp,
        "as_one_row(logcumsumexp)",
        running(mt.logcumsumexp),
        [*ONE[:-1], *ORDERED[:2], *OF_NOTHING, sample(30 * drawn(4, 5), axis=1), sample(drawn(9) - 90)],
    ),
    "cumsum": Row(mt.cumsum, "as_one_row(cumsum)", running(mt.cumsum), [*ONE, *ORDERED, *OF_NOTHING]),
    "cumprod": Row(
        mt.cumprod,
        "as_one_row(cumprod)",
        running(mt.cumprod),
        [  # finite, as their gradient is NaN wherever an infinity was
            *[*ONE[:-1], *ALONG, *OF_NOTHING, sample(drawn(9))],
            *[*OF_ZEROS, *with_each([sample(ZEROS[:, ::-1])], axis=[None, 0, 1])],
        ],
    ),
}
