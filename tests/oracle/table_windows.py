"""Windows, convolution, pooling, and standardize; test_oracle_layers.py draws more hyperparameters."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

import minitensor as mt
from tests.oracle.samples import Row, drawn, sample, with_each


def torch_windows(x: torch.Tensor, size: int, axis: int = -1, stride: int = 1, dilation: int = 1) -> Any:
    """Tensor.unfold of wider windows, of which every dilation-th element counts."""
    wide = x.unfold(axis, (size - 1) * dilation + 1, stride)[..., ::dilation]
    return wide.movedim(-1, axis % x.ndim + 1)


def torch_fold(x: torch.Tensor, length: int, axis: int = -1, stride: int = 1, dilation: int = 1) -> Any:
    """Every element added at its place."""
    axis %= x.ndim - 1
    count, size = x.shape[axis : axis + 2]
    places = torch.arange(count)[:, None] * stride + torch.arange(size) * dilation
    empty = torch.zeros(*x.shape[:axis], length, *x.shape[axis + 2 :], dtype=x.dtype)
    return empty.index_add(axis, places.flatten(), x.flatten(axis, axis + 1))


def torch_standardize(x: torch.Tensor, axis: Any = -1, eps: float = 1e-5) -> torch.Tensor:
    """By definition."""
    axes = tuple(range(x.ndim)) if axis is None else axis
    return (x - x.mean(axes, True)) / torch.sqrt(x.var(axes, correction=0, keepdim=True) + eps)


WINDOWS: dict[str, Row] = {
    "windows": Row(
        mt.windows,
        torch_windows,
        [
            *with_each([sample(drawn(7, 3, 8))], size=[1, 3], axis=[0, -1], stride=[1, 2], dilation=[1, 3]),
            sample(drawn(0, 4), 2),
            sample(drawn(4, 6).T, 2, 0),
        ],
    ),
    "fold": Row(
        mt.fold,
        torch_fold,
        [
            sample(drawn(2, 3, 3), 5),
            sample(drawn(3, 2, 2), length=10, axis=0, stride=3, dilation=2),
            sample(drawn(2, 4, 1, 3), length=8, axis=-2, stride=2),
        ],
    ),
    "conv2d": Row(
        mt.conv2d,
        functional.conv2d,
        [
            sample(drawn(2, 3, 6, 5), drawn(4, 3, 3, 2), drawn(4)),
            sample(drawn(2, 4, 6, 5), drawn(6, 2, 3, 2), None, stride=(2, 1), padding=1, groups=2),
            sample(drawn(1, 6, 5), drawn(2, 1, 2, 3), padding="same", dilation=2),
        ],
    ),
    "max_pool2d": Row(
        mt.max_pool2d,
        functional.max_pool2d,
        [sample(drawn(2, 3, 6, 5), 2), sample(drawn(3, 6, 5), (3, 2), 1, padding=1, ceil_mode=True)],
    ),
    "avg_pool2d": Row(
        mt.avg_pool2d,
        functional.avg_pool2d,
        [sample(drawn(2, 3, 6, 5), 2), sample(drawn(3, 6, 5), 3, 2, 1, True, False)],
    ),
    "standardize": Row(
        mt.standardize,
        torch_standardize,
        with_each([sample(drawn(3, 4, 5))], axis=[0, -1, (0, 2), (-2, -1), None], eps=[1e-5, 0.1]),
    ),
}
