"""The layers and losses as plain functions of tensors, under PyTorch's names and with its arguments.

The losses are in loss_functions.py, and as modules in losses.py. Activations take `inplace` as PyTorch's do;
nothing is written in place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from minitensor import rules
from minitensor.arrays.creation import one_hot
from minitensor.context import decide, effect
from minitensor.core.rule import registry
from minitensor.core.tensor import Tensor, TensorLike
from minitensor.errors import OptionError, ShapeError
from minitensor.instead import answers
from minitensor.ndarrays import Array, array_of
from minitensor.nn.loss_functions import (
    binary_cross_entropy,
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
    adaptive_avg_pool2d,
    avg_pool1d,
    avg_pool2d,
    conv1d,
    conv2d,
    gelu,
    glu,
    hardshrink,
    linear,
    log_softmax,
    logsigmoid,
    max_pool1d,
    max_pool2d,
    prelu,
    reshape,
    rsqrt,
    sigmoid,
    softmax,
    softmin,
    softplus,
    softshrink,
    softsign,
    standardize,
    tanh,
    tanhshrink,
    where,
)
from minitensor.rules.axes import integers

__all__ = [
    "adaptive_avg_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "conv1d",
    "conv2d",
    "cross_entropy",
    "dropout",
    "dropout2d",
    "elu",
    "embedding",
    "gelu",
    "glu",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hinge_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "max_pool1d",
    "max_pool2d",
    "mish",
    "mse_loss",
    "nll_loss",
    "normalize",
    "one_hot",
    "pad",
    "prelu",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
]

# -------------------------------------------------------------------------------------------- layers


def dropout(
    input: TensorLike,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    rng: np.random.Generator | int | None = None,
) -> Tensor:
    """Zero each element with probability p and scale the others by 1 / (1 − p); the identity in evaluation.

    `inplace` is accepted, and nothing is written in place.
    Source: Srivastava et al. (2014), "Dropout: A Simple Way to Prevent Neural Networks from Overfitting".

    >>> dropout(np.ones(4, np.float32), p=0.5, rng=0)
    Tensor([2., 2., 2., 0.])
    """
    x = input if isinstance(input, Tensor) else Tensor(input)
    return _dropped("dropout", x, x.shape, p, training, inplace, rng)


def dropout2d(
    input: TensorLike,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    rng: np.random.Generator | int | None = None,
) -> Tensor:
    """Dropout of whole channels of images (n, c, h, w) or (c, h, w).

    Source: Tompson et al. (2015), "Efficient Object Localization Using Convolutional Networks".

    >>> dropout2d(np.ones((1, 3, 1, 2), np.float32), rng=0)
    Tensor([[[[2., 2.]],
    <BLANKLINE>
             [[2., 2.]],
    <BLANKLINE>
             [[2., 2.]]]])
    """
    x = input if isinstance(input, Tensor) else Tensor(input)
    if x.ndim not in (3, 4):
        raise ShapeError(f"dropout2d: images must be (n, c, h, w) or (c, h, w), not {x.shape}")
    return _dropped("dropout2d", x, (*x.shape[:-2], 1, 1), p, training, inplace, rng)


def _dropped(
    name: str, x: Tensor, shape: tuple[int, ...], p: float, training: bool, inplace: object, rng: Any
) -> Tensor:
    """x with as much dropped as a mask of this shape says."""
    if not 0 <= p <= 1:
        raise OptionError(f"{name}: p must be between 0 and 1, not {p}")
    if not isinstance(inplace, bool):
        raise OptionError(f"{name}: inplace is True or False, not {type(inplace).__name__}. Write rng=...")
    if not training or p == 0:
        return x
    kept = generator(rng).random(shape, dtype=np.float32) >= p
    scale = np.array(1 / (1 - p) if p < 1 else 0, x.dtype if x.dtype.kind == "f" else np.float32)
    return x * (kept * scale)


def batch_norm(
    input: TensorLike,
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


@effect
def _move(running: Tensor | Array, momentum: float | Tensor, found: Array) -> None:
    """Bring a running average nearer to what was found, in place."""
    if isinstance(momentum, Tensor):
        momentum = 1 / momentum.item()
    old = running.data if isinstance(running, Tensor) else running
    running[...] = (1 - momentum) * old + momentum * found


def layer_norm(
    input: TensorLike,
    normalized_shape: int | tuple[int, ...],
    weight: TensorLike | None = None,
    bias: TensorLike | None = None,
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
    for what, given in ("weight", weight), ("bias", bias):
        if given is not None and np.shape(given) != shape:
            raise ShapeError(
                f"layer_norm: {what} must have the normalized_shape {shape}, not {np.shape(given)}"
            )
    y = standardize(x, tuple(range(-len(shape), 0)), eps)
    if weight is not None:
        y = y * weight
    return y if bias is None else y + bias


def as_shape(lengths: int | tuple[int, ...]) -> tuple[int, ...]:
    """A shape from one length or several."""
    return (lengths,) if isinstance(lengths, int) else tuple(lengths)


def embedding(input: TensorLike, weight: TensorLike, padding_idx: int | None = None) -> Tensor:
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
    if indices.size and (decide(indices.max() >= count) or decide(indices.min() < 0)):
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


def normalize(
    input: TensorLike, p: float = 2.0, dim: int | tuple[int, ...] = 1, eps: float = 1e-12
) -> Tensor:
    """The input over its p-norm along an axis, which PyTorch calls dim: vectors of length 1.

    Where the norm is below eps, it is divided by eps.

    >>> normalize(Tensor([[3.0, 4.0], [0.0, 0.0]]))
    Tensor([[0.6, 0.8],
            [0. , 0. ]])
    """
    x = input if isinstance(input, Tensor) else Tensor(input)
    return x / rules.clip(rules.norm(x, p, axis=dim, keepdims=True), eps)


def pad(input: TensorLike, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Elements added, or with negative numbers removed, before and after the last axes.

    Args:
        input: A tensor of any shape.
        pad: How many, before and after the last axis, then before and after the one before it, and so on.
        mode: "constant", or "reflect", "replicate" or "circular", which repeat elements of the input.
        value: The constant, 0 by default.

    `minitensor.pad` takes NumPy's arguments.

    >>> pad(Tensor([[1.0, 2.0, 3.0]]), (1, 0, 0, 1))
    Tensor([[0., 1., 2., 3.],
            [0., 0., 0., 0.]])
    >>> pad(Tensor([[1.0, 2.0, 3.0]]), (-1, 2), "replicate")
    Tensor([[2., 3., 3., 3.]])
    """
    x = input if isinstance(input, Tensor) else Tensor(input)
    numbers = integers("pad", "pad", pad)
    if mode not in _PADDINGS:
        raise OptionError(f"pad: mode must be one of {', '.join(_PADDINGS)}, not {mode!r}")
    if len(numbers) % 2 or len(numbers) > 2 * x.ndim:
        raise ShapeError(
            f"pad: takes a pair of numbers for each of the last axes of {x.shape}, not {len(numbers)} numbers"
        )
    pairs = [(0, 0)] * x.ndim
    for i in range(len(numbers) // 2):
        pairs[-1 - i] = numbers[2 * i], numbers[2 * i + 1]
    for axis, (n, pair) in enumerate(zip(x.shape, pairs, strict=True)):
        most = {"reflect": n - 1, "circular": n}.get(mode, max(pair))
        if sum([min(width, 0) for width in pair]) < -n or max(pair) > most:
            raise ShapeError(
                f"pad: axis {axis} of {x.shape} has {n} elements: too few for {pair} and {mode!r}"
            )
    if min(numbers, default=0) < 0:
        keys = [
            slice(max(0, -before), n - max(0, -after))
            for n, (before, after) in zip(x.shape, pairs, strict=True)
        ]
        x = x[tuple(keys)]
    widths = [(max(0, before), max(0, after)) for before, after in pairs]
    constant: dict[str, Any] = {"constant_values": value or 0} if mode == "constant" else {}
    return rules.pad(x, widths, _PADDINGS[mode], **constant) if any(map(any, widths)) else x


_PADDINGS = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
"""PyTorch's names, and NumPy's."""


# --------------------------------------------------------------------------------------- activations


def _accepting_inplace(operation: Callable[..., Any]) -> Callable[..., Any]:
    """The operation with PyTorch's `inplace` by name or as its last argument, which changes nothing."""
    count = registry[operation.__name__].function.__code__.co_argcount

    @wraps(operation)
    def call(*args: Any, inplace: bool = False, **options: Any) -> Any:
        return operation(*(args[:-1] if len(args) == count + 1 else args), **options)

    return call


celu, elu, hardsigmoid = map(_accepting_inplace, (rules.celu, rules.elu, rules.hardsigmoid))
hardswish, hardtanh = map(_accepting_inplace, (rules.hardswish, rules.hardtanh))
leaky_relu, mish, relu = map(_accepting_inplace, (rules.leaky_relu, rules.mish, rules.relu))
relu6, selu, silu = map(_accepting_inplace, (rules.relu6, rules.selu, rules.silu))
threshold = _accepting_inplace(rules.threshold)

if not TYPE_CHECKING:
    __getattr__ = answers(__name__)
