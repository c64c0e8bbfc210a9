"""The layers and losses as plain functions of tensors, under PyTorch's names."""

from __future__ import annotations

import numpy as np

from minitensor import rules
from minitensor.errors import DTypeError, ShapeError
from minitensor.random import generator
from minitensor.rules import (
    cross_entropy,
    gelu,
    leaky_relu,
    linear,
    log_softmax,
    relu,
    sigmoid,
    softmax,
    tanh,
)
from minitensor.tensor import Operand, Tensor

__all__ = [
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "dropout",
    "gelu",
    "hinge_loss",
    "leaky_relu",
    "linear",
    "log_softmax",
    "mse_loss",
    "relu",
    "sigmoid",
    "softmax",
    "tanh",
]


def dropout(
    input: Operand, p: float = 0.5, training: bool = True, rng: np.random.Generator | int | None = None
) -> Tensor:
    """Zero each element with probability p and scale the others by 1 / (1 − p); the identity in evaluation.

    Source: Srivastava et al. (2014), "Dropout: A Simple Way to Prevent Neural Networks from Overfitting".

    >>> dropout(np.ones(4, np.float32), p=0.5, rng=0)
    Tensor([2., 2., 2., 0.])
    """
    x = _tensor(input)
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p must be between 0 and 1, not {p}")
    if not training or p == 0:
        return x
    kept = generator(rng).random(x.shape, dtype=np.float32) >= p
    return x * (kept * x.dtype.type(1 / (1 - p) if p < 1 else 0))


def mse_loss(input: Operand, target: Operand, reduction: str = "mean") -> Tensor:
    """(input − target)², averaged over all elements.

    Raises:
        ShapeError: If the shapes differ: (n, 1) against (n,) would compare every row with every target.

    >>> mse_loss(Tensor([1.0, 2.0]), Tensor([1.0, 4.0]))
    Tensor(2.)
    """
    difference = rules.subtract(*_same_shape("mse_loss", input, target))
    return _reduce(difference * difference, reduction)


def binary_cross_entropy_with_logits(input: Operand, target: Operand, reduction: str = "mean") -> Tensor:
    """−t log σ(x) − (1 − t) log(1 − σ(x)) = log(1 + eˣ) − t x, for logits x and targets t from 0 to 1.

    >>> binary_cross_entropy_with_logits(Tensor([1000.0, -1000.0]), Tensor([1.0, 1.0]), "none")
    Tensor([   0., 1000.])
    """
    x, t = _same_shape("binary_cross_entropy_with_logits", input, target)
    return _reduce(rules.logaddexp(x, 0.0) - t * x, reduction)


def hinge_loss(input: Operand, target: Operand, reduction: str = "mean") -> Tensor:
    """max(0, 1 − t x), for scores x and targets t of −1 or 1.

    >>> hinge_loss(Tensor([0.5, 2.0]), Tensor([-1.0, 1.0]))
    Tensor(0.75)
    """
    x, t = _same_shape("hinge_loss", input, target)
    return _reduce(rules.relu(1 - t * x), reduction)


def _tensor(x: Operand) -> Tensor:
    return x if isinstance(x, Tensor) else Tensor(x)


def _same_shape(name: str, input: Operand, target: Operand) -> tuple[Tensor, Tensor]:
    x, t = _tensor(input), _tensor(target)
    if x.shape != t.shape:
        raise ShapeError(
            f"{name}: input {x.shape} and target {t.shape} differ. Try target.reshape({x.shape})."
        )
    if x.dtype.kind != "f":
        raise DTypeError(f"{name}: the input must be floating-point, not {x.dtype}")
    return x, t


def _reduce(losses: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return losses
    if reduction not in ("mean", "sum"):
        raise ValueError(f'reduction must be "mean", "sum" or "none", not {reduction!r}')
    return rules.mean(losses) if reduction == "mean" else rules.sum(losses)
