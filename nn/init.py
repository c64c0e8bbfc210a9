"""Initialisers: each fills a tensor in place with random or constant values, and returns it."""

from __future__ import annotations

import math

import numpy as np

from minitensor.context import no_grad
from minitensor.core.tensor import Tensor
from minitensor.errors import OptionError, ShapeError
from minitensor.random import generator

_GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2)}


def uniform_(
    tensor: Tensor, low: float = 0.0, high: float = 1.0, rng: np.random.Generator | int | None = None
) -> Tensor:
    """Draw from U(low, high)."""
    return _fill(tensor, generator(rng).uniform(low, high, tensor.shape))


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, rng: np.random.Generator | int | None = None
) -> Tensor:
    """Draw from N(mean, std²)."""
    return _fill(tensor, generator(rng).normal(mean, std, tensor.shape))


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros.

    >>> zeros_(Tensor([1.0, 2.0]))
    Tensor([0., 0.])
    """
    return _fill(tensor, np.zeros(()))


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    rng: np.random.Generator | int | None = None,
) -> Tensor:
    """Draw from U(−b, b) with b = gain √(3 / fan), which keeps the variance through rectifiers.

    Args:
        tensor: A weight of shape (fan_out, fan_in).
        a: The negative slope, for nonlinearity "leaky_relu"; 0 is plain ReLU.
        mode: "fan_in" keeps the variance of the activations, "fan_out" that of the gradients.
        nonlinearity: "leaky_relu", "relu", "tanh", "sigmoid" or "linear".
        rng: A generator or seed.

    Source: He, Zhang, Ren & Sun (2015), "Delving Deep into Rectifiers".

    >>> float(abs(kaiming_uniform_(Tensor(np.zeros((8, 6))), rng=0).data).max()) <= 1.0
    True
    """
    gains = {**_GAINS, "leaky_relu": math.sqrt(2 / (1 + a * a))}
    fans = dict(zip(("fan_in", "fan_out"), _fans(tensor), strict=True))
    if nonlinearity not in gains or mode not in fans:
        raise OptionError(
            f"kaiming_uniform_: mode must be fan_in or fan_out and is {mode!r}; "
            f"nonlinearity must be one of {', '.join(gains)} and is {nonlinearity!r}"
        )
    bound = gains[nonlinearity] * math.sqrt(3 / fans[mode])
    return uniform_(tensor, -bound, bound, rng)


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, rng: np.random.Generator | int | None = None
) -> Tensor:
    """Draw from U(−b, b) with b = gain √(6 / (fan_in + fan_out)), for tanh and sigmoid.

    Source: Glorot & Bengio (2010), "Understanding the difficulty of training deep feedforward networks".
    """
    bound = gain * math.sqrt(6 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound, rng)


def _fans(tensor: Tensor) -> tuple[int, int]:
    if tensor.ndim < 2:
        raise ShapeError(f"init: a weight has shape (fan_out, fan_in, ...), not {tensor.shape}")
    fan_out, fan_in, *window = tensor.shape
    return fan_in * math.prod(window), fan_out * math.prod(window)


def _fill(tensor: Tensor, values: np.ndarray) -> Tensor:
    with no_grad():
        tensor[...] = values
    return tensor
