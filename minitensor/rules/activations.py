"""What stands between the layers of a network: rectifiers, gates, and softmax."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minitensor.core.rule import composite, rule
from minitensor.errors import OptionError
from minitensor.rules.arithmetic import where, zero_where
from minitensor.rules.axes import reduced
from minitensor.rules.elementwise import erf, logaddexp, sigmoid
from minitensor.rules.notation import Array, Axis, Number, Unary
from minitensor.rules.reductions import _peak

# ---------------------------------------------------------------------------------------- rectifiers


@rule
def relu(x: Number) -> Unary:
    """max(x, 0), with gradient 0 at 0.

    >>> relu(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 2.])
    """
    y = np.maximum(x, 0)
    return y, lambda g: zero_where(g, y <= 0)


@rule(floats=True)
def leaky_relu(x: Number, negative_slope: float = 0.01) -> Unary:
    """x where x > 0, else negative_slope · x; at 0 the gradient is negative_slope."""
    y = np.maximum(x, 0) + negative_slope * np.minimum(x, 0)
    return y, lambda g: zero_where(g, np.logical_not(x > 0)) + zero_where(g * negative_slope, x > 0)


@rule(floats=True)
def elu(x: Number, alpha: float = 1.0) -> Unary:
    """x where x > 0, else alpha (eˣ − 1), whose derivative alpha eˣ holds at 0 too (Clevert et al. 2015)."""
    y = np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0))

    def local(g: Number) -> Number:
        slope = alpha * np.exp(zero_where(x, np.logical_not(x < 0)))
        return zero_where(g, x <= 0) + zero_where(g * slope, np.logical_not(x <= 0))

    return y, local


@composite(floats=True)
def selu(x: Number) -> Any:
    """scale · elu(x, alpha), whose two constants keep mean 0 and variance 1 (Klambauer et al. 2017)."""
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


@rule
def hardtanh(x: Number, min: float = -1.0, max: float = 1.0) -> Unary:
    """x held between min and max; unlike clip's, the gradient on the bounds is 0."""
    return np.clip(x, min, max), lambda g: zero_where(g, np.logical_or(x <= min, x >= max))


# --------------------------------------------------------------------------------------------- gates


@composite(floats=True)
def softplus(x: Number, beta: float = 1.0, threshold: float = math.inf) -> Any:
    """log(1 + e^(beta x)) / beta, without overflow; derivative σ(beta x).

    Where beta x is above the threshold, x itself. Unlike PyTorch: exact everywhere, unless a threshold is
    given. There it is 20, and what it leaves out is up to 2·10⁻⁹.
    """
    y = logaddexp(x, 0.0) if beta == 1 else logaddexp(x * beta, 0.0) / beta
    return y if threshold == math.inf else where(x * beta > threshold, x, y)


@rule(floats=True)
def silu(x: Number) -> Unary:
    """x σ(x), also called swish (Elfwing et al. 2017); derivative σ(x) (1 + x (1 − σ(x)))."""
    s = sigmoid(x)
    return x * s, lambda g: g * s * (1 + x * (1 - s))


@rule(floats=True)
def gelu(x: Number, approximate: str = "none") -> Unary:
    """x Φ(x), Φ the normal distribution function (Hendrycks & Gimpel 2016); derivative Φ(x) + x φ(x).

    With approximate="tanh", Φ(x) is ½ (1 + tanh √(2/π) (x + 0.044715 x³)) and is derived as such.
    """
    if approximate == "none":
        cdf = 0.5 * (1 + erf(x * math.sqrt(0.5)))
        return x * cdf, lambda g: g * (cdf + x * np.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi)))
    if approximate != "tanh":
        raise OptionError(f'gelu: approximate must be "none" or "tanh", not {approximate!r}')
    scale = math.sqrt(2 / math.pi)
    t = np.tanh(scale * (x + 0.044715 * x * x * x))
    slope = scale * (1 + 3 * 0.044715 * x * x)
    return 0.5 * x * (1 + t), lambda g: g * 0.5 * (1 + t + x * (1 - t * t) * slope)


# ------------------------------------------------------------------------------------------- softmax


@rule(arrays=True, floats=True)
def softmax(x: Array, axis: Axis = -1) -> Unary:
    """eˣ / Σ eˣ along an axis (over several, or all), without overflow."""
    axis = reduced("softmax", axis, x.shape)
    e = np.exp(x - _peak(x, axis))
    y = e / np.add.reduce(e, axis=axis, keepdims=True)
    return y, lambda g: y * (g - np.add.reduce(g * y, axis=axis, keepdims=True))


@rule(arrays=True, floats=True)
def log_softmax(x: Array, axis: Axis = -1) -> Unary:
    """log softmax, without the rounding of log(softmax(x))."""
    axis = reduced("log_softmax", axis, x.shape)
    shifted = x - _peak(x, axis)
    y = shifted - np.log(np.add.reduce(np.exp(shifted), axis=axis, keepdims=True))
    return y, lambda g: g - np.exp(y) * np.add.reduce(g, axis=axis, keepdims=True)
