"""Losses: every reduction, and what each of them has besides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

import minitensor as mt
from tests.oracle.samples import Row, Sample, drawn, sample, with_each, with_tensors, without_warnings

REDUCTIONS = ["mean", "sum", "none"]

DISTANCES = np.array([0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 2.5, -2.5, 1e-9, 100.0, np.nan])
"""On the boundaries of beta and delta, at 0, and far away."""
PAIRED: list[Sample] = [
    *[sample(drawn(*shape), drawn(*shape)) for shape in [(), (3,), (2, 3), (0,), (0, 2), (2, 1, 3)]],
    *[sample(drawn(3, 2).T, drawn(2, 3)), sample(2 * drawn(4), 2 * drawn(4))],
    *[sample(np.array([3.0, -3.0, 0.1, 0.0, 1e-9, 1e6]), np.zeros(6))],
    *[sample(DISTANCES, np.zeros(len(DISTANCES))), sample(np.zeros(len(DISTANCES)), DISTANCES)],
]
SCORES = np.array([0.0, 1.0, -1.0, 0.5, 3.0, -3.0, 1000.0, -1000.0, np.inf, -np.inf, np.nan])
SCORED: list[Sample] = [
    *[sample(drawn(*shape), np.asarray(np.sign(drawn(*shape)))) for shape in [(), (3,), (2, 3), (0,)]],
    *[sample(SCORES, np.full(len(SCORES), t)) for t in (1.0, -1.0)],
]
BINARY: list[Sample] = [
    *[sample(drawn(*s), np.asarray(np.abs(np.tanh(drawn(*s))))) for s in [(), (3,), (2, 3), (0,), (2, 1, 3)]],
    *[sample(np.array([40.0, -40.0, 0.0, 1000.0, -1000.0, 3.0]), np.full(6, t)) for t in (0.0, 1.0, 0.25)],
    sample(drawn(3, 2).T, np.array([[0.0, 1.0, 0.5], [1.0, 1.0, 0.0]])),
]

# ------------------------------------------------------------------------------------------ classes

LOGITS = np.array(
    [[1000, -1000, 0], [-1000, -1000, -1000], [2, 2, 2], [0, -np.inf, 1], [np.nan, 0, 0], [88, 89, 90]]
)
CLASSES: list[Sample] = [
    sample(drawn(4, 3), target=np.array([2, 0, 1, 1])),
    sample(drawn(3, 4).T, target=np.array([2, 0, 1, 1])),
    sample(drawn(2, 1), target=np.array([0, 0])),
    sample(drawn(3), target=np.array(1)),
    sample(drawn(2, 3, 4), target=np.array([[0, 1, 2, 0], [2, 2, 1, 0]])),
    sample(drawn(2, 3, 2, 1), target=np.array([[[0], [1]], [[2], [2]]])),
    sample(drawn(4, 3, 2).T, target=np.array([[0, 1, 2, 0], [2, 2, 1, 0]])),
]
"""Three classes, but for one."""
IGNORED: list[Sample] = [
    sample(drawn(4, 3), target=np.array([2, -100, 1, 1])),
    sample(drawn(2, 3, 4), target=np.array([[0, 1, -100, 0], [2, -100, -100, 0]])),
    sample(drawn(4, 3), target=np.array([2, -1, 1, 7]) % 8, ignore_index=7),
    sample(drawn(3), target=np.array(2), ignore_index=-1),
    sample(np.array([[1.0, 2.0, 3.0], [np.inf, np.nan, 0.0]]), target=np.array([2, -100])),
]
NOTHING: list[Sample] = [
    sample(drawn(0, 3), target=np.array([], int)),
    sample(drawn(2, 3), target=np.array([-100, -100])),
    sample(drawn(2, 3, 0), target=np.zeros((2, 0), int)),
]
IGNORED_CLASS: list[Sample] = [
    sample(drawn(4, 3), target=np.array([2, 0, 1, 1]), ignore_index=1),
    sample(drawn(2, 3, 2), target=np.array([[0, 2], [1, 0]]), ignore_index=0),
    sample(drawn(3), target=np.array(2), ignore_index=1),
]
"""One of the three classes counts for nothing."""
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


def probabilities(*shape: int, axis: int = 1) -> Any:
    e = np.exp(drawn(*shape))
    return e / e.sum(axis, keepdims=True)


PROBABLE: list[Sample] = [
    sample(drawn(4, 3), probabilities(4, 3)),
    sample(drawn(3, 4).T, probabilities(4, 3)),
    sample(drawn(3), probabilities(3, axis=0)),
    sample(drawn(2, 3, 4), probabilities(2, 3, 4)),
    sample(drawn(2, 3), np.eye(3)[[0, 2]]),
    sample(LOGITS[:3], probabilities(3, 3)),
]


def in_dtype_of_input(function: Any) -> Any:
    """As with_tensors, with weights in the dtype of the input, as ours converts them."""

    def call(x: torch.Tensor, *inputs: Any, weight: Any = None, **attrs: Any) -> Any:
        factors = None if weight is None else torch.as_tensor(weight).to(x.dtype)
        return with_tensors(function)(x, *inputs, weight=factors, **attrs)

    return call


def torch_hinge(x: torch.Tensor, target: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
    losses = torch.relu(1 - target * x)
    return losses if reduction == "none" else getattr(losses, reduction)()


def logs(samples: Sequence[Sample]) -> list[Sample]:
    """The same targets and attributes with log-probabilities."""
    return [
        Sample((x - np.log(np.exp(x).sum(min(1, x.ndim - 1), keepdims=True)), *rest), attrs)
        for (x, *rest), attrs in samples
    ]


DIVERGENCES: list[Sample] = [
    *logs([*PROBABLE[:4], sample(drawn(2, 3), probabilities(2, 3))]),
    *[sample(drawn(*shape), np.asarray(np.exp(drawn(*shape)))) for shape in [(), (0, 3), (4,), (2, 3)]],
]
ZERO_TARGETS: list[Sample] = [
    *[sample(np.log(probabilities(2, 3)), np.array([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]]))],
]

SMOOTH = with_each(PAIRED, reduction=REDUCTIONS) + with_each(PAIRED, beta=[0.5, 2.0, 0.0], reduction=["none"])
HUBER = with_each(PAIRED, reduction=REDUCTIONS) + with_each(PAIRED, delta=[0.5, 2.0], reduction=["none"])


def has_nan(s: Sample) -> bool:
    """Where the second derivative is 1 here and 0 there, of a first one that is NaN."""
    return bool(np.isnan(s.inputs).any())


LOSSES: dict[str, Row] = {
    "mse_loss": Row(mt.mse_loss, functional.mse_loss, with_each(PAIRED, reduction=REDUCTIONS)),
    "l1_loss": Row(mt.l1_loss, functional.l1_loss, with_each(PAIRED, reduction=REDUCTIONS)),
    "smooth_l1_loss": Row(
        mt.smooth_l1_loss,
        functional.smooth_l1_loss,
        [s for s in SMOOTH if not has_nan(s)],
    ),
    "huber_loss": Row(mt.huber_loss, functional.huber_loss, [s for s in HUBER if not has_nan(s)]),
    "binary_cross_entropy_with_logits": Row(
        mt.binary_cross_entropy_with_logits,
        functional.binary_cross_entropy_with_logits,
        with_each(BINARY, reduction=REDUCTIONS),
    ),
    "hinge_loss": Row(mt.hinge_loss, torch_hinge, with_each(SCORED, reduction=REDUCTIONS)),
    "cross_entropy": Row(
        mt.cross_entropy,
        in_dtype_of_input(functional.cross_entropy),
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
        in_dtype_of_input(functional.nll_loss),
        with_each(
            [*CLASSES, *logs(CLASSES), *IGNORED, *IGNORED_CLASS, *NOTHING, *WEIGHTED, *SINGULAR],
            reduction=REDUCTIONS,
        ),
    ),
    "kl_div": Row(
        mt.kl_div,
        without_warnings(functional.kl_div),
        [
            *with_each(DIVERGENCES, reduction=[*REDUCTIONS, "batchmean"]),
            *with_each(DIVERGENCES, reduction=[*REDUCTIONS, "batchmean"], log_target=[True]),
        ],
    ),
}

LOSSES_OF_FIRST_ORDER: dict[str, Row] = {
    "smooth_l1_loss": Row(mt.smooth_l1_loss, functional.smooth_l1_loss, [s for s in SMOOTH if has_nan(s)]),
    "huber_loss": Row(mt.huber_loss, functional.huber_loss, [s for s in HUBER if has_nan(s)]),
    # Not towards the target, whose own gradient at 0 is NaN there.
    "kl_div": Row(
        lambda x, t, **attrs: mt.kl_div(x, t.detach(), **attrs),
        without_warnings(lambda x, t, **attrs: functional.kl_div(x, t.detach(), **attrs)),
        with_each(ZERO_TARGETS, reduction=[*REDUCTIONS, "batchmean"]),
    ),
}
