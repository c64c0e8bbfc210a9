"""Losses: every reduction, and what each of them has besides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import minitensor as mt
from tests.table.checks import check
from tests.table.forms import towards_the_input
from tests.table.row import Array, Check, Function, Row, Sample, Shape
from tests.table.samples import LOGITS, drawn, sample, with_each

REDUCTIONS = ["mean", "sum", "none"]


def reduced(function: Function, *shapes: Shape) -> list[Check]:
    """A loss under each reduction."""
    return [check(lambda *xs, r=r: function(*xs, r), *shapes) for r in REDUCTIONS]


# -------------------------------------------------------------------------------------- element by element

DISTANCES = np.array([0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 2.5, -2.5, 1e-9, 100.0, np.nan])
"""On the boundaries of beta and delta, at 0, and far away."""
PAIRED: list[Sample] = [
    *[sample(drawn(*shape), drawn(*shape)) for shape in [(), (3,), (2, 3), (0,), (0, 2), (2, 1, 3)]],
    *[sample(drawn(3, 2).T, drawn(2, 3)), sample(2 * drawn(4), 2 * drawn(4))],
    sample(np.array([3.0, -3.0, 0.1, 0.0, 1e-9, 1e6]), np.zeros(6)),
    *[sample(DISTANCES, np.zeros(len(DISTANCES))), sample(np.zeros(len(DISTANCES)), DISTANCES)],
]
SMOOTH = with_each(PAIRED, reduction=REDUCTIONS) + with_each(PAIRED, beta=[0.5, 2.0, 0.0], reduction=["none"])
HUBER = with_each(PAIRED, reduction=REDUCTIONS) + with_each(PAIRED, delta=[0.5, 2.0], reduction=["none"])


def has_nan(s: Sample) -> bool:
    """Where the second derivative is 1 here and 0 there, of a first one that is NaN."""
    return bool(np.isnan(s.inputs).any())


SCORES = np.array([0.0, 1.0, -1.0, 0.5, 3.0, -3.0, 1000.0, -1000.0, np.inf, -np.inf, np.nan])
SCORED: list[Sample] = [
    *[sample(drawn(*shape), np.asarray(np.sign(drawn(*shape)))) for shape in [(), (3,), (2, 3), (0,)]],
    *[sample(SCORES, np.full(len(SCORES), t)) for t in (1.0, -1.0)],
]
SIGNS = np.array([1, -1, 1], np.float32)
BINARY: list[Sample] = [
    *[sample(drawn(*s), np.asarray(np.abs(np.tanh(drawn(*s))))) for s in [(), (3,), (2, 3), (0,), (2, 1, 3)]],
    *[sample(np.array([40.0, -40.0, 0.0, 1000.0, -1000.0, 3.0]), np.full(6, t)) for t in (0.0, 1.0, 0.25)],
    sample(drawn(3, 2).T, np.array([[0.0, 1.0, 0.5], [1.0, 1.0, 0.0]])),
]

# ------------------------------------------------------------------------------------------------ classes

TARGET = np.array([2, 0, 1, 1])
CLASSES: list[Sample] = [
    *[sample(drawn(4, 3), target=TARGET), sample(drawn(3, 4).T, target=TARGET)],
    *[sample(drawn(2, 1), target=np.array([0, 0])), sample(drawn(3), target=np.array(1))],
    sample(drawn(2, 3, 4), target=np.array([[0, 1, 2, 0], [2, 2, 1, 0]])),
    sample(drawn(2, 3, 2, 1), target=np.array([[[0], [1]], [[2], [2]]])),
    sample(drawn(4, 3, 2).T, target=np.array([[0, 1, 2, 0], [2, 2, 1, 0]])),
]
"""Three classes, but for one."""
IGNORED: list[Sample] = [
    sample(drawn(4, 3), target=np.array([2, -100, 1, 1])),
    sample(drawn(2, 3, 4), target=np.array([[0, 1, -100, 0], [2, -100, -100, 0]])),
    sample(drawn(4, 3), target=np.array([2, 7, 1, 7]), ignore_index=7),
    sample(drawn(3), target=np.array(2), ignore_index=-1),
    sample(np.array([[1.0, 2.0, 3.0], [np.inf, np.nan, 0.0]]), target=np.array([2, -100])),
]
IGNORED_CLASS: list[Sample] = [
    sample(drawn(4, 3), target=TARGET, ignore_index=1),
    sample(drawn(2, 3, 2), target=np.array([[0, 2], [1, 0]]), ignore_index=0),
    sample(drawn(3), target=np.array(2), ignore_index=1),
]
"""One of the three classes counts for nothing."""
NOTHING: list[Sample] = [
    sample(drawn(0, 3), target=np.array([], int)),
    sample(drawn(2, 3), target=np.array([-100, -100])),
    sample(drawn(2, 3, 0), target=np.zeros((2, 0), int)),
]
WEIGHT = np.array([0.5, 2.0, 1.5])
WEIGHTED: list[Sample] = [
    *with_each(
        [s for s in [*CLASSES, *IGNORED, *IGNORED_CLASS] if 1 not in s.inputs[0].shape[1:2]], weight=[WEIGHT]
    ),
    *with_each(CLASSES[:1], weight=[np.array([0.0, 1.0, 1.0]), np.array([0.0, 0.0, 0.0])]),
]
SINGULAR: list[Sample] = [
    sample(LOGITS, target=np.array([1, 0, 2, 2, 0, 0])),
    sample(LOGITS, target=np.array([0, 1, 0, 1, 1, 2])),
]

# ------------------------------------------------------------------------------------------ probabilities


def probabilities(*shape: int, axis: int = 1) -> Array:
    e = np.exp(drawn(*shape))
    return np.asarray(e / e.sum(axis, keepdims=True))


def logs(samples: Sequence[Sample]) -> list[Sample]:
    """The same targets and attributes with log-probabilities."""
    return [
        Sample((x - np.log(np.exp(x).sum(min(1, x.ndim - 1), keepdims=True)), *rest), attrs)
        for (x, *rest), attrs in samples
    ]


PROBABLE: list[Sample] = [
    *[sample(drawn(4, 3), probabilities(4, 3)), sample(drawn(3, 4).T, probabilities(4, 3))],
    *[sample(drawn(3), probabilities(3, axis=0)), sample(drawn(2, 3, 4), probabilities(2, 3, 4))],
    *[sample(drawn(2, 3), np.eye(3)[[0, 2]]), sample(LOGITS[:3], probabilities(3, 3))],
]
DIVERGENCES: list[Sample] = [
    *logs([*PROBABLE[:4], sample(drawn(2, 3), probabilities(2, 3))]),
    *[sample(drawn(*shape), np.asarray(np.exp(drawn(*shape)))) for shape in [(), (0, 3), (4,), (2, 3)]],
]
ZERO_TARGETS: list[Sample] = [
    sample(np.log(probabilities(2, 3)), np.array([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]]), fixed=True)
]
"""Fixed, as PyTorch's gradient towards a target of 0 is NaN."""


def weighted(x: Any, target: Any, reduction: str) -> Any:
    """By the probabilities of classes, which have weights."""
    weight = np.array([1.0, 2.0, 0.5])
    return mt.cross_entropy(x, mt.softmax(target, 1), reduction, weight=weight, label_smoothing=0.1)


LOSSES: dict[str, Row] = {
    "mse_loss": Row(
        mt.mse_loss,
        "nn.functional.mse_loss",
        reduced(mt.mse_loss, (2, 3), (2, 3)),
        with_each(PAIRED, reduction=REDUCTIONS),
    ),
    "l1_loss": Row(
        mt.l1_loss,
        "nn.functional.l1_loss",
        reduced(mt.l1_loss, (2, 3), (2, 3)),
        with_each(PAIRED, reduction=REDUCTIONS),
    ),
    "smooth_l1_loss": Row(
        mt.smooth_l1_loss,
        "nn.functional.smooth_l1_loss",
        [
            *reduced(mt.smooth_l1_loss, (2, 3), (2, 3)),
            *reduced(lambda x, y, r: mt.smooth_l1_loss(x, y, r, beta=0.3), (2, 3), (2, 3)),
            *reduced(lambda x, y, r: mt.smooth_l1_loss(x, y, r, beta=0), (2, 3), (2, 3)),
        ],
        [s for s in SMOOTH if not has_nan(s)],
        singular=[s for s in SMOOTH if has_nan(s)],
    ),
    "huber_loss": Row(
        mt.huber_loss,
        "nn.functional.huber_loss",
        [
            *reduced(mt.huber_loss, (2, 3), (2, 3)),
            *reduced(lambda x, y, r: mt.huber_loss(x, y, r, delta=0.3), (2, 3), (2, 3)),
        ],
        [s for s in HUBER if not has_nan(s)],
        singular=[s for s in HUBER if has_nan(s)],
    ),
    "binary_cross_entropy": Row(
        mt.binary_cross_entropy,
        "adapters.binary_cross_entropy",
        [
            *reduced(
                lambda x, t, r: mt.binary_cross_entropy(mt.sigmoid(x), mt.sigmoid(t), r), (2, 3), (2, 3)
            ),
            *reduced(
                lambda x, t, w, r: mt.binary_cross_entropy(mt.sigmoid(x), mt.sigmoid(t), r, weight=w),
                *[(2, 3), (2, 3), (3,)],
            ),
        ],
        with_each(
            [sample(np.asarray(1 / (1 + np.exp(-x))), t) for (x, t), _ in [*BINARY[:5], BINARY[-1]]],
            reduction=REDUCTIONS,
        ),
    ),
    "binary_cross_entropy_with_logits": Row(
        mt.binary_cross_entropy_with_logits,
        "in_dtype_of_input(nn.functional.binary_cross_entropy_with_logits)",
        [
            *reduced(
                lambda x, t, r: mt.binary_cross_entropy_with_logits(x, mt.sigmoid(t), r), (2, 3), (2, 3)
            ),
            *reduced(
                lambda x, t, w, v, r: mt.binary_cross_entropy_with_logits(
                    x, mt.sigmoid(t), r, weight=w, pos_weight=v
                ),
                *[(2, 3), (2, 3), (2, 1), ()],
            ),
        ],
        [
            *with_each(BINARY, reduction=REDUCTIONS),
            *with_each(BINARY[2:3], weight=[WEIGHT], reduction=REDUCTIONS),
        ],
    ),
    "hinge_loss": Row(
        mt.hinge_loss,
        "adapters.hinge_loss",
        reduced(lambda x, r: mt.hinge_loss(x, SIGNS, r), (3,)),
        with_each(SCORED, reduction=REDUCTIONS),
    ),
    "cross_entropy": Row(
        mt.cross_entropy,
        "in_dtype_of_input(nn.functional.cross_entropy)",
        [
            *reduced(lambda x, r: mt.cross_entropy(x, TARGET, r), (4, 3)),
            *reduced(lambda x, r: mt.cross_entropy(x, TARGET[:2], r, weight=[1.0, 2.0, 0.5]), (2, 3)),
            *reduced(lambda x, r: mt.cross_entropy(x, TARGET, r, label_smoothing=0.2), (4, 3)),
            *reduced(lambda x, r: mt.cross_entropy(x, TARGET.reshape(2, 2), r, ignore_index=1), (2, 3, 2)),
            check(lambda x: mt.cross_entropy(x, np.array(1)), (3,)),
            *reduced(lambda x, t, r: mt.cross_entropy(x, mt.softmax(t), r), (4, 3), (4, 3)),
            *reduced(weighted, (2, 3, 2), (2, 3, 2)),
        ],
        [
            *with_each([*CLASSES, *IGNORED, *NOTHING, *WEIGHTED, *SINGULAR], reduction=REDUCTIONS),
            *with_each(IGNORED_CLASS, reduction=REDUCTIONS),
            *with_each(
                [*CLASSES, *IGNORED, *IGNORED_CLASS, *WEIGHTED],
                reduction=REDUCTIONS,
                label_smoothing=[0.1, 1.0],
            ),
            *with_each(PROBABLE, reduction=REDUCTIONS),
            *with_each(PROBABLE, reduction=REDUCTIONS, label_smoothing=[0.1, 1.0], weight=[None, WEIGHT]),
        ],
    ),
    "nll_loss": Row(
        mt.nll_loss,
        "in_dtype_of_input(nn.functional.nll_loss)",
        [
            *reduced(lambda x, r: mt.nll_loss(x, TARGET, r), (4, 3)),
            *reduced(lambda x, r: mt.nll_loss(x, TARGET, r, weight=[1, 2, 3], ignore_index=2), (4, 3)),
        ],
        with_each(
            [*CLASSES, *logs(CLASSES), *IGNORED, *IGNORED_CLASS, *NOTHING, *WEIGHTED, *SINGULAR],
            reduction=REDUCTIONS,
        ),
    ),
    "kl_div": Row(
        mt.kl_div,
        "without_warnings(nn.functional.kl_div)",
        [
            *reduced(lambda x, y, r: mt.kl_div(x, mt.softmax(y), r), (2, 3), (2, 3)),
            *reduced(lambda x, y, r: mt.kl_div(x, y, r, log_target=True), (2, 3), (2, 3)),
            check(lambda x, y: mt.kl_div(x, mt.exp(y), "batchmean"), (2, 3), (2, 3)),
        ],
        [
            *with_each(DIVERGENCES, reduction=[*REDUCTIONS, "batchmean"]),
            *with_each(DIVERGENCES, reduction=[*REDUCTIONS, "batchmean"], log_target=[True]),
        ],
        singular=with_each(ZERO_TARGETS, reduction=[*REDUCTIONS, "batchmean"]),
        form=towards_the_input,
    ),
}
