"""The elementary functions: exponentials, logarithms, circular and hyperbolic functions."""

from __future__ import annotations

import math

import numpy as np

from minitensor.core.rule import rule
from minitensor.ndarrays import is_array
from minitensor.rules.notation import Binary, Number, Unary, on_nodes

LN2, LN10 = math.log(2), math.log(10)

# --------------------------------------------------------------------------- exponentials, logarithms


@rule(floats=True)
def exp(x: Number) -> Unary:
    """eˣ."""
    y = np.exp(x)
    return y, lambda g: g * y


@rule(floats=True)
def exp2(x: Number) -> Unary:
    """2ˣ; derivative 2ˣ log 2."""
    y = np.exp2(x)
    return y, lambda g: g * y * LN2


@rule(floats=True)
def expm1(x: Number) -> Unary:
    """eˣ − 1, also precise near 0."""
    y = np.expm1(x)
    return y, lambda g: g * (y + 1)


@rule(floats=True)
def log(x: Number) -> Unary:
    """Natural logarithm; log 0 is −inf with gradient inf."""
    return np.log(x), lambda g: np.divide(g, x)


@rule(floats=True)
def log2(x: Number) -> Unary:
    """Logarithm to base 2; derivative 1 / (x log 2)."""
    return np.log2(x), lambda g: np.divide(g, x * LN2)


@rule(floats=True)
def log10(x: Number) -> Unary:
    """Logarithm to base 10; derivative 1 / (x log 10)."""
    return np.log10(x), lambda g: np.divide(g, x * LN10)


@rule(floats=True)
def log1p(x: Number) -> Unary:
    """log(1 + x), also precise near 0; derivative 1 / (1 + x)."""
    return np.log1p(x), lambda g: np.divide(g, x + 1)


@rule(floats=True)
def logaddexp(x: Number, y: Number) -> Binary:
    """log(eˣ + eʸ) without overflow; logaddexp(x, 0) is softplus.

    >>> logaddexp(np.array([-1000.0, 0.0, 1000.0]), 0.0)
    array([0.00000000e+00, 6.93147181e-01, 1.00000000e+03])
    """
    return np.logaddexp(x, y), lambda g: g * sigmoid(x - y), lambda g: g * sigmoid(y - x)


@rule(floats=True)
def logaddexp2(x: Number, y: Number) -> Binary:
    """log₂(2ˣ + 2ʸ) without overflow."""
    return (
        np.logaddexp2(x, y),
        lambda g: g * sigmoid((x - y) * LN2),
        lambda g: g * sigmoid((y - x) * LN2),
    )


@rule(floats=True)
def sigmoid(x: Number) -> Unary:
    """1 / (1 + e⁻ˣ), exactly 0 or 1 in the limit; derivative y (1 − y)."""
    if on_nodes(x):
        y = sigmoid(x)
    else:
        with np.errstate(over="ignore"):  # e¹⁰⁰⁰ = inf is what makes the limit exact
            y = np.divide(1, 1 + np.exp(-x))
    return y, lambda g: g * y * (1 - y)


# ---------------------------------------------------------------------------------------------- roots


@rule(floats=True)
def sqrt(x: Number) -> Unary:
    """Square root, with gradient inf at 0."""
    y = np.sqrt(x)
    return y, lambda g: np.divide(g, 2 * y)


@rule(floats=True)
def rsqrt(x: Number) -> Unary:
    """1 / √x; derivative −½ x^(−3/2)."""
    y = np.divide(1, np.sqrt(x))
    return y, lambda g: -0.5 * g * (y * y * y)


@rule(floats=True)
def hypot(x: Number, y: Number) -> Binary:
    """√(x² + y²) without overflow; the gradient at (0, 0) is NaN, where norm has 0."""
    z = np.hypot(x, y)
    return z, lambda g: g * np.divide(x, z), lambda g: g * np.divide(y, z)


# ------------------------------------------------------------------------------------ circular functions


@rule(floats=True)
def sin(x: Number) -> Unary:
    """Sine; derivative cos x."""
    return np.sin(x), lambda g: g * np.cos(x)


@rule(floats=True)
def cos(x: Number) -> Unary:
    """Cosine; derivative −sin x."""
    return np.cos(x), lambda g: g * -np.sin(x)


@rule(floats=True)
def tan(x: Number) -> Unary:
    """Tangent; derivative 1 + tan² x."""
    y = np.tan(x)
    return y, lambda g: g * (1 + y * y)


@rule(floats=True)
def arcsin(x: Number) -> Unary:
    """Inverse sine; derivative 1 / √(1 − x²), which is inf at −1 and 1."""
    return np.arcsin(x), lambda g: g * rsqrt(1 - x * x)


@rule(floats=True)
def arccos(x: Number) -> Unary:
    """Inverse cosine; derivative −1 / √(1 − x²), which is −inf at −1 and 1."""
    return np.arccos(x), lambda g: g * -rsqrt(1 - x * x)


@rule(floats=True)
def arctan(x: Number) -> Unary:
    """Inverse tangent; derivative 1 / (1 + x²)."""
    return np.arctan(x), lambda g: np.divide(g, x * x + 1)


@rule(floats=True)
def arctan2(x: Number, y: Number) -> Binary:
    """The angle of the point whose ordinate is the first argument, its abscissa the second.

    The gradient at the origin, where there is no angle, is 0.
    """
    square = x * x + y * y
    square = np.where(square == 0, 1, square)
    return np.arctan2(x, y), lambda g: g * np.divide(y, square), lambda g: g * np.divide(-x, square)


# --------------------------------------------------------------------------------- hyperbolic functions


@rule(floats=True)
def sinh(x: Number) -> Unary:
    """Hyperbolic sine; derivative cosh x."""
    return np.sinh(x), lambda g: g * np.cosh(x)


@rule(floats=True)
def cosh(x: Number) -> Unary:
    """Hyperbolic cosine; derivative sinh x."""
    return np.cosh(x), lambda g: g * np.sinh(x)


@rule(floats=True)
def tanh(x: Number) -> Unary:
    """Hyperbolic tangent; derivative 1 − tanh² x."""
    y = np.tanh(x)
    return y, lambda g: g * (1 - y * y)


@rule(floats=True)
def arcsinh(x: Number) -> Unary:
    """Inverse hyperbolic sine; derivative 1 / √(x² + 1)."""
    return np.arcsinh(x), lambda g: g * rsqrt(x * x + 1)


@rule(floats=True)
def arccosh(x: Number) -> Unary:
    """Inverse hyperbolic cosine; derivative 1 / √(x² − 1), which is inf at 1."""
    return np.arccosh(x), lambda g: g * rsqrt(x * x - 1)


@rule(floats=True)
def arctanh(x: Number) -> Unary:
    """Inverse hyperbolic tangent; derivative 1 / (1 − x²)."""
    return np.arctanh(x), lambda g: np.divide(g, 1 - x * x)


# ------------------------------------------------------------------------------------- error function


@rule(floats=True)
def erf(x: Number) -> Unary:
    """The error function 2/√π ∫₀ˣ e^(−t²) dt, from SciPy; derivative 2/√π · e^(−x²)."""
    from scipy import special  # 60 ms, for those who use it

    y = erf(x) if on_nodes(x) else special.erf(x)
    if is_array(x):
        y = y.astype(x.dtype)  # SciPy has no float16
    return y, lambda g: g * (2 / math.sqrt(math.pi)) * np.exp(-x * x)
