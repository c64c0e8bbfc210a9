"""What stands between the layers of a network: rectifiers, gates, and softmax."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minitensor.core.rule import composite, rule
from minitensor.errors import OptionError, ShapeError
from minitensor.rules.arithmetic import clip, where, zero_where
from minitensor.rules.axes import one_axis, reduced
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


@rule(floats=True, method=False)
def celu(x: Number, alpha: float = 1.0) -> Unary:
    """x where x > 0, else alpha (e^(x / alpha) − 1): smooth at 0, whatever alpha is (Barron 2017)."""
    if not alpha:
        raise OptionError("celu: alpha must not be 0")
    y = np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0) / alpha)

    def local(g: Number) -> Number:
        slope = np.exp(zero_where(x, np.logical_not(x < 0)) / alpha)
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


@composite(floats=True, method=False)
def relu6(x: Number) -> Any:
    """x held between 0 and 6, with gradient 0 at both."""
    return hardtanh(x, 0.0, 6.0)


@composite(inputs="x weight", arrays=True, method=False)
def prelu(x: Array, weight: Array) -> Any:
    """x where x > 0, else weight · x; at 0 the gradient is the weight's (He et al. 2015).

    The weight has one element, or one for each channel, which are along axis 1 of x.

    >>> prelu(np.array([[-1.0, -2.0], [3.0, -4.0]]), np.array([0.1, 0.5]))
    array([[-0.1, -1. ],
           [ 3. , -2. ]])
    """
    channels = x.shape[1] if x.ndim > 1 else 1
    if weight.ndim > 1 or weight.size not in (1, channels):
        raise ShapeError(
            f"prelu: the weight must have shape (1,) or ({channels},) for {x.shape}, not {weight.shape}"
        )
    slope = weight.reshape((-1, *[1] * (x.ndim - 2))) if weight.size > 1 else weight.reshape(())
    return zero_where(x, np.logical_not(x > 0)) + zero_where(x, x > 0) * slope


@composite(method=False)
def threshold(x: Number, threshold: float = 0.0, value: float = 0.0) -> Any:
    """x where x > threshold, else value."""
    return where(x <= threshold, value, x)


@composite(method=False)
def hardshrink(x: Number, lambd: float = 0.5) -> Any:
    """0 where |x| ≤ lambd, else x."""
    return zero_where(x, np.logical_and(x >= -lambd, x <= lambd))


@composite(method=False)
def softshrink(x: Number, lambd: float = 0.5) -> Any:
    """0 where |x| ≤ lambd, else x nearer to 0 by lambd."""
    if lambd < 0:
        raise OptionError(f"softshrink: lambd must not be negative, and is {lambd}")
    return x - clip(x, -lambd, lambd)


# --------------------------------------------------------------------------------------------- gates


@composite(floats=True)
def softplus(x: Number, beta: float = 1.0, threshold: float | None = None) -> Any:
    """log(1 + e^(beta x)) / beta, without overflow; derivative σ(beta x). It is x where beta x > threshold.

    Unlike PyTorch: there is no threshold unless one is given: there it is 20, and the result off by 2·10⁻⁹.
    """
    y = logaddexp(x, 0.0) if beta == 1 else logaddexp(x * beta, 0.0) / beta
    return y if threshold is None else where(x * beta > threshold, x, y)


@composite(floats=True, method=False)
def logsigmoid(x: Number) -> Any:
    """log σ(x), exact however small it is."""
    return -logaddexp(-x, 0.0)


@composite(floats=True, method=False)
def hardsigmoid(x: Number) -> Any:
    """x / 6 + ½ held between 0 and 1, with gradient 0 where it is; a sigmoid without exponentials."""
    return (hardtanh(x, -3.0, 3.0) + 3) / 6


@composite(floats=True, method=False)
def hardswish(x: Number) -> Any:
    """x hardsigmoid(x) (Howard et al. 2019)."""
    return x * hardsigmoid(x)


@composite(floats=True, method=False)
def softsign(x: Number) -> Any:
    """x / (1 + |x|)."""
    return x / (1 + np.absolute(x))


@composite(floats=True, method=False)
def tanhshrink(x: Number) -> Any:
    """x − tanh x."""
    return x - np.tanh(x)


@composite(floats=True, method=False)
def mish(x: Number) -> Any:
    """x tanh(softplus(x)) (Misra 2019)."""
    return x * np.tanh(logaddexp(x, 0.0))


@composite(arrays=True, floats=True, method=False)
def glu(x: Array, axis: int = -1) -> Any:
    """a σ(b) for the halves a and b of x along an axis (Dauphin et al. 2016).

    >>> glu(np.array([1.0, 2.0, 0.0, 0.0]))
    array([0.5, 1. ])
    """
    axis = one_axis("glu", axis, x.shape)
    half, odd = divmod(x.shape[axis], 2)
    if odd:
        raise ShapeError(f"glu: axis {axis} of {x.shape} has an odd length, and no halves")
    before = (slice(None),) * axis
    return x[(*before, slice(half))] * sigmoid(x[(*before, slice(half, None))])


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


@composite(arrays=True, floats=True, method=False)
def softmin(x: Array, axis: Axis = -1) -> Any:
    """softmax(−x)."""
    return softmax(-x, reduced("softmin", axis, x.shape))


@rule(arrays=True, floats=True)
def log_softmax(x: Array, axis: Axis = -1) -> Unary:
    """log softmax, without the rounding of log(softmax(x))."""
    axis = reduced("log_softmax", axis, x.shape)
    shifted = x - _peak(x, axis)
    y = shifted - np.log(np.add.reduce(np.exp(shifted), axis=axis, keepdims=True))
    return y, lambda g: g - np.exp(y) * np.add.reduce(g, axis=axis, keepdims=True)
