"""Initialisers: each fills a tensor in place with random or constant values, and returns it.

Those that draw take `rng`, a generator or seed, which PyTorch calls `generator`.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from minitensor import random
from minitensor.context import no_grad
from minitensor.core.tensor import Tensor
from minitensor.errors import OptionError, ShapeError

Rng: TypeAlias = "np.random.Generator | int | None"

_GAINS = {"sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}
_LINEAR = ["linear", "conv1d", "conv2d", "conv3d"]
_LINEAR += [f"conv_transpose{i}d" for i in (1, 2, 3)]

# ------------------------------------------------------------------------------------ of any tensor


def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, rng: Rng = None, generator: Rng = None
) -> Tensor:
    """Draw from U(a, b)."""
    return _fill(tensor, _source(rng, generator).uniform(a, b, tensor.shape))


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, rng: Rng = None, generator: Rng = None
) -> Tensor:
    """Draw from N(mean, std²)."""
    return _fill(tensor, _source(rng, generator).normal(mean, std, tensor.shape))


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    rng: Rng = None,
    generator: Rng = None,
) -> Tensor:
    """Draw from N(mean, std²), of what lies from a to b.

    By the inverse of the distribution function: Φ⁻¹(u), with u uniform from Φ((a − mean) / std) to that of b;
    in logarithms, as far below the mean Φ is too small a number.

    >>> float(abs(trunc_normal_(Tensor(np.zeros(100)), a=-0.5, b=0.5, rng=0).data).max()) <= 0.5
    True
    """
    from scipy.special import log_ndtr, ndtri_exp  # which take a while to import

    if not a < b:
        raise OptionError(f"trunc_normal_: a must be below b, and they are {a} and {b}")
    sign = (
        -1.0 if a > mean else 1.0
    )  # far above the mean Φ is 1 to all digits: there the mirror image is drawn
    low, high = sorted([sign * (a - mean) / std, sign * (b - mean) / std])
    least = np.exp(log_ndtr(low) - log_ndtr(high))  # of u, as a part of the largest
    log_u = log_ndtr(high) + np.log(_source(rng, generator).uniform(least, 1.0, tensor.shape))
    return _fill(tensor, np.clip(mean + std * sign * ndtri_exp(log_u), a, b))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one number.

    >>> constant_(Tensor([1.0, 2.0]), 0.5)
    Tensor([0.5, 0.5])
    """
    return _fill(tensor, np.asarray(val))


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros.

    >>> zeros_(Tensor([1.0, 2.0]))
    Tensor([0., 0.])
    """
    return _fill(tensor, np.zeros(()))


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones."""
    return _fill(tensor, np.ones(()))


# ------------------------------------------------------------------------------- of a weight's shape


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity, or as much of it as there is room for.

    >>> eye_(Tensor(np.zeros((2, 3))))
    Tensor([[1., 0., 0.],
            [0., 1., 0.]], dtype=float64)
    """
    if tensor.ndim != 2:
        raise ShapeError(f"eye_: takes a matrix, not shape {tensor.shape}")
    rows, columns = tensor.shape
    return _fill(tensor, np.eye(rows, columns))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill the filters of a convolution so that each hands one channel on as it is, as far as there are some.

    Args:
        tensor: A weight of shape (out_channels, in_channels / groups, ...) with a window of 1, 2 or 3 axes.
        groups: Into how many parts the channels fall.

    >>> dirac_(Tensor(np.zeros((1, 2, 3)))).data.tolist()
    [[[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]]
    """
    if tensor.ndim not in (3, 4, 5):
        raise ShapeError(f"dirac_: takes filters (out_channels, in_channels, ...), not shape {tensor.shape}")
    out, channels, *window = tensor.shape
    if groups < 1 or out % groups:
        raise OptionError(f"dirac_: groups={groups} must divide the {out} output channels")
    values = np.zeros(tensor.shape)
    each, middle = out // groups, [n // 2 for n in window]
    for i in range(out):
        if i % each < channels:
            values[(i, i % each, *middle)] = 1
    return _fill(tensor, values)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    rng: Rng = None,
    generator: Rng = None,
) -> Tensor:
    """Draw from U(−b, b) with b = gain √(3 / fan), which keeps the variance through rectifiers.

    Args:
        tensor: A weight of shape (fan_out, fan_in), or a convolution's.
        a: The negative slope, for nonlinearity "leaky_relu"; 0 is plain ReLU.
        mode: "fan_in" keeps the variance of the activations, "fan_out" that of the gradients.
        nonlinearity: What follows; see calculate_gain.
        rng: A generator or seed.
        generator: The same.

    Source: He, Zhang, Ren & Sun (2015), "Delving Deep into Rectifiers".

    >>> float(abs(kaiming_uniform_(Tensor(np.zeros((8, 6))), rng=0).data).max()) <= 1.0
    True
    """
    bound = math.sqrt(3) * _deviation("kaiming_uniform_", tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, rng, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    rng: Rng = None,
    generator: Rng = None,
) -> Tensor:
    """Draw from N(0, gain² / fan); arguments and source are those of kaiming_uniform_."""
    std = _deviation("kaiming_normal_", tensor, a, mode, nonlinearity)
    return normal_(tensor, 0.0, std, rng, generator)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, rng: Rng = None, generator: Rng = None) -> Tensor:
    """Draw from U(−b, b) with b = gain √(6 / (fan_in + fan_out)), for tanh and sigmoid.

    Source: Glorot & Bengio (2010), "Understanding the difficulty of training deep feedforward networks".
    """
    bound = gain * math.sqrt(6 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound, rng, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, rng: Rng = None, generator: Rng = None) -> Tensor:
    """Draw from N(0, 2 gain² / (fan_in + fan_out)); the source is that of xavier_uniform_."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans(tensor))), rng, generator)


def orthogonal_(tensor: Tensor, gain: float = 1.0, rng: Rng = None, generator: Rng = None) -> Tensor:
    """Fill with a random orthogonal matrix times gain: its rows, or if they are more its columns, are.

    The axes of the tensor but the first count as one. Source: Saxe et al. (2013), "Exact solutions to the
    nonlinear dynamics of learning in deep linear neural networks".

    >>> w = orthogonal_(Tensor(np.zeros((2, 3))), rng=0)
    >>> (w @ w.T).data.round(6) + 0.0
    array([[1., 0.],
           [0., 1.]])
    """
    if tensor.ndim < 2:
        raise ShapeError(f"orthogonal_: takes two or more axes, not shape {tensor.shape}")
    if not tensor.size:
        return tensor
    rows, columns = tensor.shape[0], tensor.size // tensor.shape[0]
    drawn = _source(rng, generator).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(drawn)
    q = q * np.sign(np.diag(r))  # without it, the signs would not be random
    return _fill(tensor, gain * (q.T if rows < columns else q).reshape(tensor.shape))


def sparse_(
    tensor: Tensor, sparsity: float, std: float = 0.01, rng: Rng = None, generator: Rng = None
) -> Tensor:
    """Draw a matrix from N(0, std²), with this part of each column, rounded up, set to 0.

    Source: Martens (2010), "Deep learning via Hessian-free optimization".
    """
    if tensor.ndim != 2:
        raise ShapeError(f"sparse_: takes a matrix, not shape {tensor.shape}")
    if not 0 <= sparsity <= 1:
        raise OptionError(f"sparse_: sparsity must be from 0 to 1, not {sparsity}")
    draw = _source(rng, generator)
    values = np.array(draw.normal(0, std, tensor.shape))
    zeros = math.ceil(sparsity * tensor.shape[0])
    for column in values.T:
        column[draw.permutation(len(column))[:zeros]] = 0
    return _fill(tensor, values)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By what a nonlinearity's weights are to be larger, for the variance to be kept.

    Args:
        nonlinearity: "relu", "leaky_relu", "tanh", "sigmoid", "selu", "linear" or a convolution's name.
        param: The negative slope of "leaky_relu", by default 0.01.

    Raises:
        OptionError: If it is another.

    >>> round(calculate_gain("leaky_relu", 0.2), 4)
    1.3868
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity in _LINEAR:
        return 1.0
    if nonlinearity not in _GAINS:
        known = ", ".join(["leaky_relu", *_GAINS, *_LINEAR])
        raise OptionError(f"calculate_gain: nonlinearity must be one of {known} and is {nonlinearity!r}")
    return _GAINS[nonlinearity]


def _deviation(name: str, tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    fans = dict(zip(("fan_in", "fan_out"), _fans(tensor), strict=True))
    if mode not in fans:
        raise OptionError(f"{name}: mode must be fan_in or fan_out and is {mode!r}")
    return calculate_gain(nonlinearity, a) / math.sqrt(fans[mode])


def _fans(tensor: Tensor) -> tuple[int, int]:
    if tensor.ndim < 2:
        raise ShapeError(f"init: a weight has shape (fan_out, fan_in, ...), not {tensor.shape}")
    fan_out, fan_in, *window = tensor.shape
    return fan_in * math.prod(window), fan_out * math.prod(window)


def _source(rng: Rng, generator: Rng) -> np.random.Generator:
    if rng is not None and generator is not None:
        raise OptionError("init: rng and generator are the same argument. Give one.")
    return random.generator(generator if rng is None else rng)


def _fill(tensor: Tensor, values: np.ndarray[Any, Any]) -> Tensor:
    with no_grad():
        tensor[...] = values
    return tensor
