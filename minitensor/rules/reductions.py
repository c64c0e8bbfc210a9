"""Reductions over an axis, a tuple of axes, or all of them; and running sums and products along one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from minitensor.core.rule import composite, rule
from minitensor.errors import DTypeError, ShapeError
from minitensor.rules.arithmetic import zero_where
from minitensor.rules.axes import along, by_dim, one_number, reduced
from minitensor.rules.notation import Array, Axis, Shape, Unary, arrays_of, on_nodes

# ------------------------------------------------------------------------------------- sums and means


@rule(arrays=True)
def sum(
    x: Array, axis: Axis = None, keepdims: bool = False, *, dtype: DTypeLike | None = None
) -> tuple[Any, ...]:
    """Sum over an axis, a tuple of axes, or all of them; in another dtype if one is given.

    >>> sum(np.ones((2, 3)), axis=0)
    array([2., 2., 2.])
    """
    shape = x.shape
    axis = reduced("sum", axis, shape)
    if dtype is not None:
        x = x.astype(dtype)
    y = np.add.reduce(x, axis=axis, keepdims=keepdims)  # type: ignore[call-overload]
    return (y, lambda g: _spread(g, shape, axis)) if dtype is None or x.dtype.kind == "f" else (y,)


@rule(arrays=True, floats=True)
def mean(x: Array, axis: Axis = None, keepdims: bool = False, *, dtype: DTypeLike | None = None) -> Unary:
    """Arithmetic mean over an axis, a tuple of axes, or all of them; the mean of nothing is NaN.

    In another dtype if one is given, which must be floating-point.
    """
    if dtype is not None:
        if np.dtype(dtype).kind != "f":
            raise DTypeError(f"mean: dtype must be floating-point, not {np.dtype(dtype)}")
        x = x.astype(dtype)
    shape = x.shape
    axis = reduced("mean", axis, shape)
    count = _count(shape, axis)
    if x.dtype == np.float16 and not on_nodes(x):
        y = np.mean(x, axis=axis, keepdims=keepdims)  # its sum would overflow
    else:
        y = np.add.reduce(x, axis=axis, keepdims=keepdims) / count  # type: ignore[call-overload]
    return y, lambda g: _spread(g / max(count, 1), shape, axis)


@composite(arrays=True)
def nansum(x: Array, axis: Axis = None, keepdims: bool = False) -> Any:
    """Sum of what is not NaN; the gradient of a NaN is 0.

    >>> nansum(np.array([1.0, np.nan, 2.0]))
    np.float64(3.0)
    """
    return sum(zero_where(x, np.isnan(x)), reduced("nansum", axis, x.shape), keepdims)


@composite(arrays=True)
def nanmean(x: Array, axis: Axis = None, keepdims: bool = False) -> Any:
    """Mean of what is not NaN; NaN where everything is. The gradient of a NaN is 0.

    Unlike PyTorch: also where everything is NaN.

    >>> nanmean(np.array([1.0, np.nan, 2.0]))
    np.float64(1.5)
    """
    axis = reduced("nanmean", axis, x.shape)
    total = nansum(x, axis, keepdims)
    count = sum(np.logical_not(np.isnan(x)), axis, keepdims)
    return np.divide(total, count.astype(total.dtype))


@composite(arrays=True, method=False)
def average(x: Array, axis: Axis = None, weights: Any = None, keepdims: bool = False) -> Any:
    """Σ weights · x / Σ weights over the axes; without weights, the mean.

    The weights have x's shape, or that of the axes alone, such as (n,) along one axis of length n. If they
    add up to 0, the result is infinite or NaN.

    >>> average(np.array([[1.0, 5.0], [3.0, 3.0]]), 1, [3, 1])
    array([2., 3.])
    """
    axis = reduced("average", axis, x.shape)
    if weights is None:
        return mean(x, axis, keepdims)
    x, weights = arrays_of("average", x, weights)
    if weights.shape != x.shape:
        named = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis % x.ndim,)
        needed = tuple([x.shape[i] for i in named])
        if weights.shape != needed:
            raise ShapeError(
                f"average: the weights must have shape {x.shape}"
                + (f", or {needed} along axis {axis}" if needed != x.shape else "")
                + f", not {weights.shape}"
            )
        order = sorted(range(len(named)), key=named.__getitem__)
        weights = weights.transpose(order).reshape([n if i in named else 1 for i, n in enumerate(x.shape)])
        weights = np.broadcast_to(weights, x.shape)
    return np.divide(sum(x * weights, axis, keepdims), sum(weights, axis, keepdims))


@rule(arrays=True, floats=True)
def var(
    x: Array,
    axis: Axis = None,
    ddof: float | None = None,
    keepdims: bool = False,
    correction: float | None = None,
    *,
    unbiased: bool | None = None,
    dim: Axis = None,
    keepdim: bool | None = None,
) -> Unary:
    """Variance Σ (x − mean)² / (n − ddof); derivative 2 (x − mean) / (n − ddof).

    `ddof` is 0, as in NumPy; or 1, as in PyTorch, where the axis is named `dim`, or by `unbiased=True` or
    `correction=1`. Unlike PyTorch: where it is n or more, the gradient is as infinite as the value.
    """
    axis, keepdims, by_torch = by_dim("var", axis, keepdims, dim, keepdim)
    axis = reduced("var", axis, x.shape)
    d, n = _deviations(x, axis, _correction(ddof, correction, unbiased, by_torch))
    y = np.add.reduce(d * d, axis=axis, keepdims=keepdims) / n  # type: ignore[call-overload]
    return y, lambda g: _spread(g * 2 / n, x.shape, axis) * d


@rule(arrays=True, floats=True)
def std(
    x: Array,
    axis: Axis = None,
    ddof: float | None = None,
    keepdims: bool = False,
    correction: float | None = None,
    *,
    unbiased: bool | None = None,
    dim: Axis = None,
    keepdim: bool | None = None,
) -> Unary:
    """Standard deviation, the root of `var`, with gradient 0 where all elements are equal.

    `ddof` is 0, as in NumPy; or 1, as in PyTorch, where the axis is named `dim`, or by `unbiased=True` or
    `correction=1`. Unlike PyTorch: where it is n or more, the gradient is as infinite as the value.
    """
    axis, keepdims, by_torch = by_dim("std", axis, keepdims, dim, keepdim)
    axis = reduced("std", axis, x.shape)
    d, n = _deviations(x, axis, _correction(ddof, correction, unbiased, by_torch))
    y = _root(np.add.reduce(d * d, axis=axis, keepdims=True) / n)

    def local(g: Array) -> Array:
        return _spread(_divide(g.reshape(y.shape), y * n), x.shape, axis) * d

    return _drop(y, axis, keepdims), local


def _correction(ddof: float | None, correction: float | None, unbiased: bool | None, by_torch: bool) -> float:
    """What to subtract from n, under whichever of its names it is given."""
    given = next((x for x in (correction, ddof, unbiased) if x is not None), by_torch)
    return int(given) if isinstance(given, bool | np.bool_) else given


def _deviations(x: Array, axis: Axis, ddof: float) -> tuple[Array, Any]:
    """x − mean, and the divisor n − ddof, which as a NumPy number may be 0."""
    n = _count(x.shape, axis)
    mean = np.add.reduce(x, axis=axis, keepdims=True) / max(n, 1)
    return x - mean, np.float64(max(n - ddof, 0)).astype(x.dtype)


@rule(arrays=True, floats=True)
def standardize(x: Array, axis: Axis = -1, eps: float = 1e-5) -> Unary:
    """(x − mean) / √(variance + eps) over the axes: what batch norm and layer norm have in common.

    With y the result, the gradient is (g − mean(g) − y mean(g y)) / √(variance + eps). Fused: half the time
    of mean, var and rsqrt.

    >>> standardize(np.array([1.0, 3.0]), eps=0)
    array([-1.,  1.])
    """
    axis = reduced("standardize", axis, x.shape)
    d, n = _deviations(x, axis, 0)
    scale = np.power(np.add.reduce(d * d, axis=axis, keepdims=True) / n + eps, -0.5)
    y = d * scale

    def local(g: Array) -> Array:
        mean = np.add.reduce(g, axis=axis, keepdims=True) / n
        slope = np.add.reduce(g * y, axis=axis, keepdims=True) / n
        return (g - mean - y * slope) * scale

    return y, local


@rule(arrays=True, floats=True)
def norm(x: Array, ord: float = 2, axis: Axis = None, keepdims: bool = False) -> Unary:
    """(Σ |x|^ord)^(1/ord), the norm of vectors; ord may be inf, −inf, and 0, which counts.

    The gradient is sign(x) (|x| / norm)^(ord − 1), and 0 at 0. For ±inf the elements that tie share it.

    Unlike PyTorch: for ±inf the gradient is NaN where the norm is, not 0, as for max.
    """
    axis = reduced("norm", axis, x.shape)
    if type(ord) is not int and type(ord) is not float:
        ord = one_number("norm", "ord", ord)
    size = np.absolute(x)
    if ord in (math.inf, -math.inf):
        extreme = np.maximum if ord > 0 else np.minimum
        most = extreme.reduce(size, axis=axis, keepdims=True)
        return _drop(most, axis, keepdims), lambda g: np.sign(x) * _share(g, size == most, axis)
    if ord == 0:
        y = np.add.reduce((x != 0).astype(x.dtype), axis=axis, keepdims=True)
        return _drop(y, axis, keepdims), lambda g: zero_where(_spread(g, x.shape, axis), True)
    if ord == 1:
        y = np.add.reduce(size, axis=axis, keepdims=keepdims)  # type: ignore[call-overload]
        return y, lambda g: _spread(g, x.shape, axis) * zero_where(np.sign(x), x != x)
    if ord == 2:
        y = _root(np.add.reduce(x * x, axis=axis, keepdims=True))
        return _drop(y, axis, keepdims), lambda g: _spread(_divide(g.reshape(y.shape), y), x.shape, axis) * x
    total = np.add.reduce(np.power(size, ord), axis=axis, keepdims=True)
    y = _root(total, 1 / ord) if ord > 0 else np.power(total, 1 / ord)

    def local(g: Array) -> Array:
        ratio = np.power(np.divide(_not_zero(size), _not_zero(y)), ord - 1)
        return zero_where(_spread(g, x.shape, axis) * np.sign(x) * ratio, y == 0)

    return _drop(y, axis, keepdims), local


def _root(x: Array, exponent: float = 0.5) -> Array:
    """x^exponent, but at 0 constant: there the gradient is 0 instead of inf."""
    return zero_where(np.power(_not_zero(x), exponent), x == 0)


def _divide(x: Array, y: Array) -> Array:
    """x / y, and 0 where y is 0."""
    return zero_where(np.divide(x, _not_zero(y)), y == 0)


def _not_zero(x: Array) -> Array:
    """x with 1 for every 0."""
    return np.where(x == 0, 1, x)


@rule(arrays=True, floats=True)
def logsumexp(x: Array, axis: Axis = None, keepdims: bool = False) -> Unary:
    """log Σ eˣ over the axes without overflow; −inf where every element is; the gradient is softmax."""
    axis = reduced("logsumexp", axis, x.shape)
    shift = np.minimum(_peak(x, axis), np.finfo(x.dtype).max)  # finite, so that inf − shift is inf
    e = np.exp(x - shift)
    total = np.add.reduce(e, axis=axis, keepdims=True)
    with np.errstate(divide="ignore"):  # log 0 = −inf is the answer
        y = np.log(total) + shift
    shape = x.shape
    return _drop(y, axis, keepdims), lambda g: _spread(g, shape, axis) * (e / total)


# ------------------------------------------------------------------------------------------- extremes


@rule(arrays=True, inputs="x")
def _max(x: Array, axis: Axis, keepdims: bool) -> Unary:
    axis = reduced("max", axis, x.shape)
    y = np.maximum.reduce(x, axis=axis, keepdims=True)
    return _drop(y, axis, keepdims), lambda g: _share(g, x == y, axis)


@rule(arrays=True, inputs="x")
def _min(x: Array, axis: Axis, keepdims: bool) -> Unary:
    axis = reduced("min", axis, x.shape)
    y = np.minimum.reduce(x, axis=axis, keepdims=True)
    return _drop(y, axis, keepdims), lambda g: _share(g, x == y, axis)


@composite(arrays=True)
def amax(x: Array, axis: Axis = None, keepdims: bool = False) -> Any:
    """Largest element over the axes; where several tie, they share the gradient evenly."""
    return _max(x, axis, keepdims)


@composite(arrays=True)
def amin(x: Array, axis: Axis = None, keepdims: bool = False) -> Any:
    """Smallest element over the axes; where several tie, they share the gradient evenly."""
    return _min(x, axis, keepdims)


@composite(arrays=True, method=False)
def ptp(x: Array, axis: Axis = None, keepdims: bool = False) -> Any:
    """Largest element minus the smallest, "peak to peak", over the axes.

    >>> ptp(np.array([[1.0, 5.0], [2.0, 2.0]]), 1)
    array([4., 0.])
    """
    axis = reduced("ptp", axis, x.shape)
    return _max(x, axis, keepdims) - _min(x, axis, keepdims)


@rule(arrays=True, inputs="x")
def _peak(x: Array, axis: Axis) -> tuple[Any]:
    """The maximum, or the least finite number: sums of exponentials shift by it without overflow.

    It cancels from them, so nothing flows through it.
    """
    return (np.maximum.reduce(x, axis=axis, keepdims=True, initial=np.finfo(x.dtype).min),)


# ------------------------------------------------------------------------------------------- products


@rule(arrays=True)
def prod(x: Array, axis: Axis = None, keepdims: bool = False) -> Unary:
    """Product over the axes; the gradient is the product of the others, also where some are 0.

    Unlike PyTorch: no NaN in the gradient where an element is inf or the product overflows, as nothing is
    divided.
    """

    axis = reduced("prod", axis, x.shape)

    def local(g: Array) -> Array:
        kept = [i for i, n in enumerate(_reduced(x.shape, axis)) if not n]
        gone = [i for i, n in enumerate(_reduced(x.shape, axis)) if n]
        order = kept + gone
        rows = x.transpose(order)
        flat = rows.reshape(*rows.shape[: len(kept)], math.prod(rows.shape[len(kept) :]))
        others = _products_before(flat, -1) * np.flip(_products_before(np.flip(flat, -1), -1), -1)
        back = others.reshape(rows.shape).transpose(np.argsort(order).tolist())
        return _spread(g, x.shape, axis) * back

    return np.multiply.reduce(x, axis=axis, keepdims=keepdims), local  # type: ignore[call-overload]


def _products_before(x: Array, axis: int) -> Array:
    """∏ of the elements before each one, along an axis."""
    before, last = _split_last(x, axis)
    return np.cumprod(np.concatenate([zero_where(last, True) + 1, before], axis), axis)


def _split_last(x: Array, axis: int) -> tuple[Array, Array]:
    """All along an axis but the last, and the last (nothing, of an empty axis)."""
    everything = (slice(None),) * (axis % x.ndim)
    return x[(*everything, slice(None, -1))], x[(*everything, slice(-1, None))]


def _without_first(x: Array, axis: int) -> Array:
    """All along an axis but the first."""
    return x[(*(slice(None),) * (axis % x.ndim), slice(1, None))]


@rule(arrays=True)
def cumsum(x: Array, axis: int | None = None) -> Unary:
    """Running sum along an axis, or over all elements as one row.

    Unlike PyTorch: of a 0-d array it has one axis, as in NumPy.
    """
    axis = along("cumsum", axis, x.shape)
    flat, axis = (x.reshape(-1), 0) if axis is None or not x.ndim else (x, axis)
    shape = x.shape
    return np.cumsum(flat, axis), lambda g: _from_the_end(g, axis).reshape(shape)


def _from_the_end(g: Array, axis: int) -> Array:
    return np.flip(np.cumsum(np.flip(g, axis), axis), axis)


@rule(arrays=True)
def cumprod(x: Array, axis: int | None = None) -> Unary:
    """Running product along an axis, or over all elements as one row; right also where elements are 0.

    Unlike PyTorch: no NaN in the gradient where an element is inf, as nothing is divided. Of a 0-d array it
    has one axis, as in NumPy.
    """
    axis = along("cumprod", axis, x.shape)
    flat, axis = (x.reshape(-1), 0) if axis is None or not x.ndim else (x, axis)
    shape = x.shape

    def local(g: Array) -> Array:
        # With s_j = g_j + x_{j+1} s_{j+1}, the gradient is (the product before j) · s_j: no division.
        return (_products_before(flat, axis) * _recurrence(g, flat, axis)).reshape(shape)

    return np.cumprod(flat, axis), local


@rule(arrays=True, floats=True)
def logcumsumexp(x: Array, axis: int | None = None) -> Unary:
    """log of the running sum of eˣ along an axis, or over all elements as one row, without overflow.

    Unlike PyTorch: the gradient is 0 where an element is −inf, and not NaN.

    >>> logcumsumexp(np.log([1.0, 2.0, 3.0])).round(4)
    array([0.    , 1.0986, 1.7918])
    """
    axis = along("logcumsumexp", axis, x.shape)
    flat, axis = (x.reshape(-1), 0) if axis is None or not x.ndim else (x, axis)
    y = logcumsumexp(flat, axis) if on_nodes(x) else np.logaddexp.accumulate(flat, axis)
    shape = x.shape

    def local(g: Array) -> Array:
        # With s_j = g_j + e^(y_j − y_{j+1}) s_{j+1}, it is e^(x_j − y_j) s_j: no exponent is above 0.
        total = np.maximum(y, np.finfo(y.dtype).min)
        before, last = _split_last(total, axis)
        ratio = np.concatenate([zero_where(last, True), np.exp(before - _without_first(total, axis))], axis)
        return (np.exp(flat - total) * _recurrence(g, ratio, axis)).reshape(shape)

    return y, local


def _recurrence(g: Array, x: Array, axis: int) -> Array:
    """s_j = g_j + x_{j+1} s_{j+1} along an axis, in log₂ n steps: each doubles how far j looks ahead."""
    everything = (slice(None),) * (axis % x.ndim)
    n = x.shape[axis]
    s, a, ahead = g, x[(*everything, slice(1, None))], 1
    while ahead < n:
        start, rest = (*everything, slice(None, n - ahead)), (*everything, slice(n - ahead, None))
        s = np.concatenate([s[start] + a * s[(*everything, slice(ahead, None))], s[rest]], axis)
        if 2 * ahead < n:
            a = a[(*everything, slice(None, n - 2 * ahead))] * a[(*everything, slice(ahead, None))]
        ahead *= 2
    return s


# -------------------------------------------------------------------------------- axes and their gradient


def _reduced(shape: Shape, axis: Axis) -> list[bool]:
    """Which axes a reduction removes."""
    if axis is None:
        return [True] * len(shape)
    axes = {a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,))} if shape else ()
    return [i in axes for i in range(len(shape))]


def _count(shape: Shape, axis: Axis) -> int:
    """How many elements enter each result."""
    return math.prod([n for n, gone in zip(shape, _reduced(shape, axis), strict=True) if gone])


def _spread(g: Array, shape: Shape, axis: Axis) -> Array:
    """Repeat a reduced gradient over the axes that were reduced."""
    kept = [1 if gone else n for n, gone in zip(shape, _reduced(shape, axis), strict=True)]
    return np.broadcast_to(g.reshape(kept), shape)


def _drop(y: Array, axis: Axis, keepdims: bool) -> Array:
    """Remove the reduced axes, which have length 1."""
    if keepdims:
        return y
    return y.reshape([n for n, gone in zip(y.shape, _reduced(y.shape, axis), strict=True) if not gone])


def _share(g: Array, winners: Array, axis: Axis) -> Array:
    """Divide a reduced gradient evenly; NaN where nothing equals the extremum, which is NaN then."""
    won = zero_where(_spread(g, winners.shape, axis), np.logical_not(winners))
    return won / np.add.reduce(winners, axis=axis, keepdims=True)
