"""The layers and losses as plain functions of tensors, under PyTorch's names."""

from __future__ import annotations

import numpy as np

from minitensor.creation import one_hot
from minitensor.errors import OptionError, ShapeError
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
from minitensor.recording import array_of, holds, replayed
from minitensor.rules import (
    avg_pool2d,
    conv2d,
    elu,
    gelu,
    hardtanh,
    leaky_relu,
    linear,
    log_softmax,
    max_pool2d,
    relu,
    reshape,
    rsqrt,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    standardize,
    tanh,
    where,
)
from minitensor.tensor import Array, Operand, Tensor

__all__ = [
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy_with_logits",
    "conv2d",
    "cross_entropy",
    "dropout",
    "elu",
    "embedding",
    "gelu",
    "hardtanh",
    "hinge_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "max_pool2d",
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


def batch_norm(
    input: Operand,
    running_mean: Tensor | Array | None,
    running_var: Tensor | Array | None,
    weight: Tensor | Array | None = None,
    bias: Tensor | Array | None = None,
    training: bool = False,
    momentum: float | Tensor = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """(x − mean) / √(variance + eps) · weight + bias for each channel of input (n, c, ...).

    In training, mean and variance are the input's, and running_mean and running_var, tensors or arrays of
    shape (c,), move towards them by `momentum` in place (towards the variance that divides by n − 1; if it is
    a tensor, by one over it: where it counts the batches, that is their plain average). In
    evaluation the running ones are used. Weight and bias have shape (c,).

    >>> batch_norm(Tensor([[1.0], [3.0]]), None, None, training=True, eps=0.0)
    Tensor([[-1.],
            [ 1.]])
    """
    x = input if isinstance(input, Tensor) else Tensor(input)
    if x.ndim < 2:
        raise ShapeError(f"batch_norm: the input must have shape (n, c, ...), not {x.shape}")
    axes = (0, *range(2, x.ndim))
    columns = (-1, *[1] * (x.ndim - 2))  # along the channels
    if training:
        count = x.size // max(x.shape[1], 1)
        if count < 2:
            raise ShapeError(
                f"batch_norm: {x.shape} has {count} values for each channel, and training needs at least 2. "
                "Try a larger batch, or .eval()."
            )
        y = standardize(x, axes, eps)
        if running_mean is not None:
            _move(running_mean, momentum, np.mean(x.data, axis=axes))
        if running_var is not None:
            _move(running_var, momentum, np.var(x.data, axis=axes, ddof=1))
    elif running_mean is None or running_var is None:
        raise OptionError("batch_norm: evaluation needs running_mean and running_var")
    else:
        mean, var = [v if isinstance(v, Tensor) else Tensor(v) for v in (running_mean, running_var)]
        y = (x - mean.reshape(columns)) * rsqrt(var + eps).reshape(columns)
    if weight is not None:
        y = y * reshape(weight, columns)
    return y if bias is None else y + reshape(bias, columns)


@replayed
def _move(running: Tensor | Array, momentum: float | Tensor, found: Array) -> None:
    """Bring a running average nearer to what was found, in place."""
    if isinstance(momentum, Tensor):
        momentum = 1 / momentum.item()
    old = running.data if isinstance(running, Tensor) else running
    running[...] = (1 - momentum) * old + momentum * found


def layer_norm(
    input: Operand,
    normalized_shape: int | tuple[int, ...],
    weight: Operand | None = None,
    bias: Operand | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """(x − mean) / √(variance + eps) · weight + bias over the last axes, which have the normalized_shape.

    >>> layer_norm(Tensor([1.0, 3.0]), 2, eps=0.0)
    Tensor([-1.,  1.])
    """
    x = input if isinstance(input, Tensor) else Tensor(input)
    shape = as_shape(normalized_shape)
    if not shape or x.shape[-len(shape) :] != shape:
        raise ShapeError(f"layer_norm: the input {x.shape} must end with the normalized_shape {shape}")
    y = standardize(x, tuple(range(-len(shape), 0)), eps)
    if weight is not None:
        y = y * weight
    return y if bias is None else y + bias


def as_shape(lengths: int | tuple[int, ...]) -> tuple[int, ...]:
    """A shape from one length or several."""
    return (lengths,) if isinstance(lengths, int) else tuple(lengths)


def embedding(input: Operand, weight: Operand, padding_idx: int | None = None) -> Tensor:
    """The rows of weight (num_embeddings, dim) at the indices `input` of any shape (...): (..., dim).

    The row padding_idx receives no gradient.

    Raises:
        IndexError: If an index is no integer, or not from 0 to num_embeddings − 1.

    >>> embedding(np.array([[1, 0]]), Tensor([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([[[3., 4.],
             [1., 2.]]])
    """
    table = weight if isinstance(weight, Tensor) else Tensor(weight)
    given = input.data if isinstance(input, Tensor) else input
    indices = array_of(given).copy()  # changing it later is harmless
    if indices.dtype.kind not in "iu" and indices.size:
        raise IndexError(f"embedding: indices must be integers, not {indices.dtype}. Try x.astype(int).")
    count = table.shape[0]
    if indices.size and (holds(indices.max() >= count) or holds(indices.min() < 0)):
        raise IndexError(
            f"embedding: indices run from {indices.min()} to {indices.max()}, and must be from 0 to "
            f"{count - 1}: num_embeddings={count}"
        )
    rows = table[indices.astype(np.intp, copy=False)]
    padding = padding_index(padding_idx, count)
    if padding is None:
        return rows
    return where(indices[..., None] == padding, rows.detach(), rows)


def padding_index(padding_idx: int | None, num_embeddings: int) -> int | None:
    """The index counted from the front."""
    if padding_idx is None:
        return None
    if not -num_embeddings <= padding_idx < num_embeddings:
        raise OptionError(
            f"embedding: padding_idx {padding_idx} is not among the {num_embeddings} embeddings"
        )
    return padding_idx % num_embeddings
