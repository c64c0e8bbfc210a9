"""Every differentiable operation: its value and its local gradients, and nothing else.

A rule returns its value and one local gradient per input: a closure that turns the gradient `g` of the
output into the gradient of that input. Rules speak operators and NumPy functions only, so the same lines
serve floats (scalar backprop), arrays (tensor backprop) and Tensors (gradients of gradients).

Three things a rule need not do. It does not undo broadcasting: the engine sums each gradient down to its
input's shape. It does not check shapes: NumPy does, and errors.py words it. It never sees a graph.

At a singular point a rule follows PyTorch's convention, which its docstring states. A selected gradient is
chosen with `zero_where`, never multiplied by 0 or 1, for inf * 0 is NaN.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from minitensor.errors import ShapeError, explain_targets
from minitensor.graph import on_nodes, registry, rule, rule_of_sequence

# A parameter annotated Number or Array is an input, every other parameter an attribute.
Number: TypeAlias = Any  # float, Value, ndarray or Tensor: the operation is elementwise
Array: TypeAlias = Any  # ndarray or Tensor
Axis: TypeAlias = int | tuple[int, ...] | None
Shape: TypeAlias = tuple[int, ...]
Local: TypeAlias = Callable[[Any], Any]
Unary: TypeAlias = tuple[Any, Local]
Binary: TypeAlias = tuple[Any, Local, Local]


def unchanged(g: Number) -> Number:
    """The local gradient of whatever adds its input to something."""
    return g


# ---------------------------------------------------------------------------------------- arithmetic


@rule
def add(x: Number, y: Number) -> Binary:
    """x + y."""
    return x + y, unchanged, unchanged


@rule
def subtract(x: Number, y: Number) -> Binary:
    """x − y."""
    return x - y, unchanged, lambda g: -g


@rule
def multiply(x: Number, y: Number) -> Binary:
    """x · y."""
    return x * y, lambda g: g * y, lambda g: g * x


@rule
def divide(x: Number, y: Number) -> Binary:
    """x / y; 1/0 is inf and 0/0 is NaN, on floats as well."""
    z = np.divide(x, y)
    return z, lambda g: np.divide(g, y), lambda g: np.divide(-g * z, y)


@rule
def power(x: Number, y: Number) -> Binary:
    """xʸ. At x = 0: x⁰ has gradient 0, x^½ inf, x⁻¹ is inf with gradient −inf; 0ʸ has gradient 0 in y ≥ 0."""
    z = np.power(x, y)

    def local_x(g: Number) -> Number:
        # x⁰ is constant: its exponent stays 0 here, as x⁻¹ would make NaN of the gradient's own gradient
        return zero_where(g * y * np.power(x, y - (y != 0)), y == 0)

    def local_y(g: Number) -> Number:
        zero = np.logical_and(x == 0, y >= 0)
        return zero_where(g * z * np.log(np.where(zero, 1.0, x)), zero)

    return z, local_x, local_y


@rule
def negative(x: Number) -> Unary:
    """−x."""
    return -x, lambda g: -g


@rule
def absolute(x: Number) -> Unary:
    """|x|, with gradient 0 at 0 and at NaN."""
    return np.absolute(x), lambda g: g * zero_where(np.sign(x), x != x)


# ------------------------------------------------------------------------------ elementwise functions


@rule
def exp(x: Number) -> Unary:
    """eˣ."""
    y = np.exp(x)
    return y, lambda g: g * y


@rule
def log(x: Number) -> Unary:
    """Natural logarithm; log 0 is −inf with gradient inf."""
    return np.log(x), lambda g: np.divide(g, x)


@rule
def sqrt(x: Number) -> Unary:
    """Square root, with gradient inf at 0."""
    y = np.sqrt(x)
    return y, lambda g: np.divide(g, 2 * y)


@rule
def tanh(x: Number) -> Unary:
    """Hyperbolic tangent; derivative 1 − tanh² x."""
    y = np.tanh(x)
    return y, lambda g: g * (1 - y * y)


@rule
def sigmoid(x: Number) -> Unary:
    """1 / (1 + e⁻ˣ), exactly 0 or 1 in the limit; derivative y (1 − y)."""
    if on_nodes(x):
        y = sigmoid(x)
    else:
        with np.errstate(over="ignore"):  # e¹⁰⁰⁰ = inf is what makes the limit exact
            y = np.divide(1, 1 + np.exp(-x))
    return y, lambda g: g * y * (1 - y)


@rule
def relu(x: Number) -> Unary:
    """max(x, 0), with gradient 0 at 0.

    >>> relu(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 2.])
    """
    y = np.maximum(x, 0)
    return y, lambda g: zero_where(g, y <= 0)


@rule
def leaky_relu(x: Number, negative_slope: float = 0.01) -> Unary:
    """x where x > 0, else negative_slope · x; at 0 the gradient is negative_slope."""
    y = np.maximum(x, 0) + negative_slope * np.minimum(x, 0)
    positive = x > 0

    def local(g: Number) -> Number:
        return zero_where(g, np.logical_not(positive)) + zero_where(g * negative_slope, positive)

    return y, local


@rule
def erf(x: Number) -> Unary:
    """The error function 2/√π ∫₀ˣ e^(−t²) dt, from SciPy; derivative 2/√π · e^(−x²)."""
    from scipy import special  # 60 ms, for those who use it

    return special.erf(x), lambda g: g * (2 / math.sqrt(math.pi)) * np.exp(-x * x)


@rule
def gelu(x: Number) -> Unary:
    """x Φ(x), Φ the normal distribution function (Hendrycks & Gimpel 2016); derivative Φ(x) + x φ(x)."""
    cdf = 0.5 * (1 + erf(x * math.sqrt(0.5)))
    return x * cdf, lambda g: g * (cdf + x * np.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi)))


@rule
def logaddexp(x: Number, y: Number) -> Binary:
    """log(eˣ + eʸ) without overflow; logaddexp(x, 0) is softplus.

    >>> logaddexp(np.array([-1000.0, 0.0, 1000.0]), 0.0)
    array([0.00000000e+00, 6.93147181e-01, 1.00000000e+03])
    """
    return np.logaddexp(x, y), lambda g: g * sigmoid(x - y), lambda g: g * sigmoid(y - x)


# ------------------------------------------------------------------------------------------ selection


@rule
def maximum(x: Number, y: Number) -> Binary:
    """The larger of x and y, elementwise; each gets half the gradient where they tie."""
    return (
        np.maximum(x, y),
        lambda g: zero_where(np.where(x == y, g / 2, g), x < y),
        lambda g: zero_where(np.where(x == y, g / 2, g), x > y),
    )


@rule
def minimum(x: Number, y: Number) -> Binary:
    """The smaller of x and y, elementwise; each gets half the gradient where they tie."""
    return (
        np.minimum(x, y),
        lambda g: zero_where(np.where(x == y, g / 2, g), x > y),
        lambda g: zero_where(np.where(x == y, g / 2, g), x < y),
    )


@rule
def clip(x: Number, min: float | None = None, max: float | None = None) -> Unary:
    """x held between min and max; gradient 1 inside and on the bounds, 0 outside."""
    low, high = -math.inf if min is None else min, math.inf if max is None else max
    inside = np.logical_and(x >= low, x <= high)
    return np.clip(x, min, max), lambda g: zero_where(g, np.logical_not(inside))


@rule
def where(condition: Any, x: Number, y: Number) -> tuple[Any, None, Local, Local]:
    """x where condition holds, else y.

    The branch not taken gets gradient 0, but 0 times an infinite derivative further up is NaN. So make that
    branch harmless before the function too: `where(x > 0, log(where(x > 0, x, 1)), 0)`.
    """
    return (
        np.where(condition, x, y),
        None,
        lambda g: zero_where(g, np.logical_not(condition)),
        lambda g: zero_where(g, condition),
    )


@rule
def zero_where(x: Number, mask: Any) -> Unary:
    """0 where mask holds, else x, whatever x is: an infinity or NaN under the mask gives 0.

    >>> zero_where(np.array([1.0, np.inf]), np.array([False, True]))
    array([1., 0.])
    """
    return _zero_where(x, mask), lambda g: zero_where(g, mask)


def _zero_where(x: Number, mask: Any) -> Number:
    if type(x) is float and isinstance(mask, bool):
        return 0.0 if mask else x
    arrays = isinstance(x, np.ndarray) and isinstance(mask, np.ndarray) and mask.dtype == np.bool_
    integer = _SAME_SIZE.get(x.dtype) if arrays else None
    if integer is None:
        return np.where(mask, 0, x)
    # x AND 000…0 or 111…1. On a random mask np.where takes ten times as long: its branches mispredict.
    return (x.view(integer) & (mask.view(np.int8) - _ONE)).view(x.dtype)


_ONE = np.int8(1)
_SAME_SIZE = {np.dtype(f): np.dtype(i) for f, i in [("f2", "i2"), ("f4", "i4"), ("f8", "i8")]}


# ---------------------------------------------------------------------------------------- reductions


@rule
def sum(x: Array, axis: Axis = None, keepdims: bool = False) -> Unary:
    """Sum over an axis, a tuple of axes, or all of them.

    >>> sum(np.ones((2, 3)), axis=0)
    array([2., 2., 2.])
    """
    shape = x.shape
    y = np.add.reduce(x, axis=axis, keepdims=keepdims)  # type: ignore[call-overload]
    return y, lambda g: _spread(g, shape, axis)


@rule
def mean(x: Array, axis: Axis = None, keepdims: bool = False) -> Unary:
    """Arithmetic mean over an axis, a tuple of axes, or all of them; the mean of nothing is NaN."""
    shape = x.shape
    count = math.prod(shape) // builtins.max(math.prod(_kept(shape, axis)), 1)
    y = np.add.reduce(x, axis=axis, keepdims=keepdims) / count  # type: ignore[call-overload]
    return y, lambda g: _spread(g / builtins.max(count, 1), shape, axis)


@rule
def max(x: Array, axis: Axis = None, keepdims: bool = False) -> Unary:
    """Largest element over the axes; where several tie, they share the gradient evenly."""
    y = np.maximum.reduce(x, axis=axis, keepdims=True)
    return _drop(y, axis, keepdims), lambda g: _share(g, x == y, axis)


@rule
def min(x: Array, axis: Axis = None, keepdims: bool = False) -> Unary:
    """Smallest element over the axes; where several tie, they share the gradient evenly."""
    y = np.minimum.reduce(x, axis=axis, keepdims=True)
    return _drop(y, axis, keepdims), lambda g: _share(g, x == y, axis)


@rule
def logsumexp(x: Array, axis: Axis = None, keepdims: bool = False) -> Unary:
    """log Σ eˣ over the axes without overflow; −inf where every element is; the gradient is softmax."""
    shift = np.minimum(_peak(x, axis), np.finfo(x.dtype).max)  # finite, so that inf − shift is inf
    e = np.exp(x - shift)
    total = np.add.reduce(e, axis=axis, keepdims=True)
    with np.errstate(divide="ignore"):  # log 0 = −inf is the answer
        y = np.log(total) + shift
    return _drop(y, axis, keepdims), lambda g: _spread(g, x.shape, axis) * (e / total)


@rule
def _peak(x: Array, axis: Axis) -> tuple[Any]:
    """The maximum, or the least finite number: sums of exponentials shift by it without overflow.

    It cancels from them, so nothing flows through it.
    """
    return (np.maximum.reduce(x, axis=axis, keepdims=True, initial=np.finfo(x.dtype).min),)


def _kept(shape: Shape, axis: Axis) -> Shape:
    """The shape after reducing `axis` with keepdims=True."""
    if axis is None:
        return (1,) * len(shape)
    axes = {a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,))} if shape else ()
    return tuple([1 if i in axes else n for i, n in enumerate(shape)])


def _spread(g: Array, shape: Shape, axis: Axis) -> Array:
    """Repeat a reduced gradient over the axes that were reduced."""
    return np.broadcast_to(g.reshape(_kept(shape, axis)), shape)


def _drop(y: Array, axis: Axis, keepdims: bool) -> Array:
    """Remove the reduced axes, which have length 1."""
    if keepdims:
        return y
    if axis is None:
        return y.reshape(())
    axes = {a % y.ndim for a in (axis if isinstance(axis, tuple) else (axis,))} if y.ndim else ()
    return y.reshape(tuple([n for i, n in enumerate(y.shape) if i not in axes]))


def _share(g: Array, winners: Array, axis: Axis) -> Array:
    """Divide a reduced gradient evenly; NaN where nothing equals the extremum, which is NaN then."""
    won = zero_where(_spread(g, winners.shape, axis), np.logical_not(winners))
    return won / np.add.reduce(winners, axis=axis, keepdims=True)


# --------------------------------------------------------------------------------- shape and indexing


@rule
def reshape(x: Array, *shape: Any) -> Unary:
    """The same elements in another shape, given as integers or as one tuple; one length may be −1."""
    before = x.shape
    return x.reshape(*shape), lambda g: g.reshape(before)


@rule
def transpose(x: Array, *axes: Any) -> Unary:
    """The axes in another order: reversed, or as given (NumPy's meaning, not PyTorch's swap of two)."""
    order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
    inverse = None if order is None else tuple(np.argsort([a % x.ndim for a in order]).tolist())
    return x.transpose(order), lambda g: g.transpose(inverse)


@rule
def swapaxes(x: Array, axis1: int, axis2: int) -> Unary:
    """Two axes exchanged."""
    return x.swapaxes(axis1, axis2), lambda g: g.swapaxes(axis1, axis2)


@rule
def broadcast_to(x: Array, shape: Shape) -> Unary:
    """x repeated to `shape` by the rules of broadcasting, as a read-only view."""
    return np.broadcast_to(x, shape), unchanged


@rule
def index(x: Array, key: Any) -> Unary:
    """x[key]: integers, slices, None, ..., integer arrays and masks, as in NumPy."""
    shape = x.shape
    return x[key], lambda g: scatter(g, key, shape)


@rule
def scatter(x: Array, key: Any, shape: Shape) -> Unary:
    """Zeros of `shape` with x added at key; an element addressed twice receives both. The adjoint of index.

    >>> scatter(np.ones(3), np.array([0, 0, 1]), (3,))
    array([2., 1., 0.])
    """
    y = scatter(x, key, shape) if on_nodes(x) else _scatter(x, key, shape)
    return y, lambda g: index(g, key)


def _scatter(x: Array, key: Any, shape: Shape) -> Array:
    y = np.zeros(shape, x.dtype)
    parts = key if isinstance(key, tuple) else (key,)
    if builtins.all([part is None or part is ... or isinstance(part, int | slice) for part in parts]):
        y[key] = x  # no element is addressed twice
    else:
        np.add.at(y, key, x)
    return y


@rule_of_sequence
def concatenate(*arrays: Array, axis: int = 0) -> tuple[Any, ...]:
    """Arrays joined along an axis they have.

    >>> concatenate([np.zeros((2, 1)), np.ones((2, 2))], axis=1)
    array([[0., 1., 1.],
           [0., 1., 1.]])
    """
    before = (slice(None),) * (axis % arrays[0].ndim) if arrays and arrays[0].ndim else ()
    ends = np.cumsum([a.shape[len(before)] if a.ndim > len(before) else 0 for a in arrays]).tolist()
    pieces = [(*before, slice(start, end)) for start, end in zip([0, *ends], ends, strict=False)]
    return np.concatenate(arrays, axis), *[_piece(piece) for piece in pieces]


@rule_of_sequence
def stack(*arrays: Array, axis: int = 0) -> tuple[Any, ...]:
    """Arrays of one shape joined along a new axis.

    >>> stack([np.zeros(2), np.ones(2)], axis=1)
    array([[0., 1.],
           [0., 1.]])
    """
    y = np.stack(arrays, axis)
    before = (slice(None),) * (axis % y.ndim)
    return y, *[_piece((*before, i)) for i in range(len(arrays))]


def _piece(key: tuple[Any, ...]) -> Local:
    return lambda g: g[key]


@rule
def astype(x: Array, dtype: Any) -> tuple[Any, ...]:
    """x converted to dtype; the engine converts the gradient back. Integers are off the graph."""
    return (x.astype(dtype), unchanged) if np.dtype(dtype).kind in "fc" else (x.astype(dtype),)


# ------------------------------------------------------------------------------------- linear algebra


@rule
def matmul(x: Array, y: Array) -> Binary:
    """Matrix product over the last two axes; a 1-D input is a row on the left, a column on the right.

    Stacks of matrices broadcast against each other, as in NumPy.
    """

    def local_x(g: Array) -> Array:
        if y.ndim == 1:
            return g[..., None] * y
        return (g[..., None, :] if x.ndim == 1 else g) @ y.swapaxes(-1, -2)

    def local_y(g: Array) -> Array:
        if x.ndim == 1:
            return x * g if y.ndim == 1 else x[:, None] * g[..., None, :]
        if y.ndim == 1:
            return (x.swapaxes(-1, -2) @ g[..., None])[..., 0]
        return x.swapaxes(-1, -2) @ g

    return x @ y, local_x, local_y


@rule
def linear(x: Array, weight: Array, bias: Array | None = None) -> tuple[Any, Local, Local, Local]:
    """x Wᵀ + b over the last axis of x; weight has shape (out_features, in_features).

    Fused, because the sum then writes into the product: one array less than matmul and add.
    """
    y = _product(x, weight.T)
    if bias is not None:
        y += bias

    def local_weight(g: Array) -> Array:
        out_features, in_features = weight.shape
        return _product(g.reshape(-1, out_features).T, x.reshape(-1, in_features))

    return y, lambda g: _product(g, weight), local_weight, unchanged


def _product(x: Array, y: Array) -> Array:
    """x @ y; for two matrices through dot, which starts 1 µs sooner: small networks notice."""
    if type(x) is type(y) is np.ndarray and x.ndim == 2:
        return x.dot(y)
    return x @ y


# ------------------------------------------------------------------------------------ classification


@rule
def softmax(x: Array, axis: int = -1) -> Unary:
    """eˣ / Σ eˣ along an axis, without overflow."""
    e = np.exp(x - _peak(x, axis))
    y = e / np.add.reduce(e, axis=axis, keepdims=True)
    return y, lambda g: y * (g - np.add.reduce(g * y, axis=axis, keepdims=True))


@rule
def log_softmax(x: Array, axis: int = -1) -> Unary:
    """log softmax, without the rounding of log(softmax(x))."""
    shifted = x - _peak(x, axis)
    y = shifted - np.log(np.add.reduce(np.exp(shifted), axis=axis, keepdims=True))
    return y, lambda g: g - np.exp(y) * np.add.reduce(g, axis=axis, keepdims=True)


@rule
def cross_entropy(x: Array, target: Any, reduction: str = "mean") -> Unary:
    """−log softmax(x)[target] for rows of logits x and integer targets; "mean", "sum" or "none" over rows.

    The gradient is softmax(x) − onehot(target). Fused: a third of the arrays of log_softmax and index.

    >>> print(cross_entropy(np.array([[1000.0, -1000.0]]), np.array([1])))
    2000.0
    """
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f'reduction must be "mean", "sum" or "none", not {reduction!r}')
    onehot = _onehot(x.shape, np.asarray(target))
    n = x.shape[0]
    # Classes first: NumPy reduces over few rows several times faster than over few columns.
    z = x.T if on_nodes(x) else x.T.copy()
    shifted = z - _peak(z, 0)
    e = np.exp(shifted)
    total = np.add.reduce(e, axis=0)
    loss = np.log(total) - shifted.T[onehot.T]
    if reduction != "none":
        loss = np.add.reduce(loss, axis=0)
    if reduction == "mean":
        loss = loss / n

    def local(g: Array) -> Array:
        return ((e / total - onehot) * (g / n if reduction == "mean" else g)).T

    return loss, local


def _onehot(shape: Shape, target: Any) -> Any:
    """(classes, n): the class of each row as a mask. Refuses what indexing would accept, such as −1."""
    if len(shape) == 2 and target.shape == shape[:1] and target.dtype.kind in "iu":
        onehot = np.arange(shape[1])[:, None] == target
        if np.count_nonzero(onehot) == len(target):
            return onehot
    raise ShapeError(explain_targets(shape, target.shape, target.dtype.name))


__all__ = [name for name in registry if not name.startswith("_")]
