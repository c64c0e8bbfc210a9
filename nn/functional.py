"""The layers and losses as plain functions of tensors, under PyTorch's names."""

from __future__ import annotations

import numpy as np

from minitensor.creation import one_hot
from minitensor.errors import OptionError
from minitensor.losses import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge_loss,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from minitensor.random import generator
from minitensor.rules import (
    elu,
    gelu,
    hardtanh,
    leaky_relu,
    linear,
    log_softmax,
    relu,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)
from minitensor.tensor import Operand, Tensor

__all__ = [
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "dropout",
    "elu",
    "gelu",
    "hardtanh",
    "hinge_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "leaky_relu",
    "linear",
    "log_softmax",
    "mse_loss",
    "nll_loss",
    "one_hot",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
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
    x = input if isinstance(input, Tensor) else Tensor(input)
    if not 0 <= p <= 1:
        raise OptionError(f"dropout: p must be between 0 and 1, not {p}")
    if not training or p == 0:
        return x
    kept = generator(rng).random(x.shape, dtype=np.float32) >= p
    scale = np.array(1 / (1 - p) if p < 1 else 0, x.dtype if x.dtype.kind == "f" else np.float32)
    return x * (kept * scale)
