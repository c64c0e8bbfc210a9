"""The same elements in another shape or order, joined, or repeated."""

from __future__ import annotations

import math
from builtins import max as larger
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from minitensor.core.rule import composite, rule
from minitensor.errors import DTypeError, OptionError, ShapeError
from minitensor.rules.arithmetic import zero_where
from minitensor.rules.notation import Array, Axis, Local, Shape, Unary, alias, on_nodes, unchanged

# ---------------------------------------------------------------------------------------------- shape


@rule(arrays=True, inputs="x")
def reshape(x: Array, *shape: Any) -> Unary:
    """The same elements in another shape, given as integers or as one tuple; one length may be −1."""
    before = x.shape
    return x.reshape(*shape), lambda g: g.reshape(before)


@composite(arrays=True)
def flatten(x: Array, start_dim: int = 0, end_dim: int = -1) -> Any:
    """The axes from start_dim to end_dim as one.

    >>> flatten(np.zeros((2, 3, 4)), 1).shape
    (2, 12)
    """
    start, end = (_one_axis("flatten", a, larger(x.ndim, 1)) for a in (start_dim, end_dim))
    if start > end:
        raise ShapeError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim} in shape {x.shape}")
    return x.reshape((*x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :]))


@composite(arrays=True)
def ravel(x: Array) -> Any:
    """All elements as one row."""
    return x.reshape(-1)


@composite(arrays=True)
def squeeze(x: Array, axis: Axis = None) -> Any:
    """Without the axes of length 1, or without those named, which must have length 1, as in NumPy."""
    if not x.ndim:
        return x
    gone = [i for i, n in enumerate(x.shape) if n == 1] if axis is None else _axes("squeeze", axis, x.ndim)
    for i in gone:
        if x.shape[i] != 1:
            raise ShapeError(f"squeeze: axis {i} of shape {x.shape} has length {x.shape[i]}, not 1")
    return x.reshape(tuple([n for i, n in enumerate(x.shape) if i not in gone]))


@composite(arrays=True, inputs="x")
def expand_dims(x: Array, axis: int | tuple[int, ...]) -> Any:
    """With new axes of length 1 in these places of the result."""
    ndim = x.ndim + (len(axis) if isinstance(axis, tuple | list) else 1)
    new = _axes("expand_dims", axis, ndim)
    lengths = iter(x.shape)
    return x.reshape(tuple([1 if i in new else next(lengths) for i in range(ndim)]))


unsqueeze = alias("unsqueeze", expand_dims)

# ---------------------------------------------------------------------------------------------- order


@rule(arrays=True, inputs="x")
def transpose(x: Array, *axes: Any) -> Unary:
    """The axes in another order: reversed, or as given.

    Unlike PyTorch: all axes, as in NumPy; two are exchanged by swapaxes.
    """
    order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int | np.integer) else axes or None
    y = x.transpose(order)
    inverse = None if order is None else tuple(np.argsort([a % x.ndim for a in order]).tolist())
    return y, lambda g: g.transpose(inverse)


permute = alias("permute", transpose)
permute_dims = alias("permute_dims", transpose)


@rule(arrays=True, inputs="x")
def swapaxes(x: Array, axis1: int, axis2: int) -> Unary:
    """Two axes exchanged."""
    return x.swapaxes(axis1, axis2), lambda g: g.swapaxes(axis1, axis2)


@composite(arrays=True, inputs="x")
def moveaxis(x: Array, source: int | tuple[int, ...], destination: int | tuple[int, ...]) -> Any:
    """Axes moved to other places, the others keeping their order."""
    start, end = _axes("moveaxis", source, x.ndim), _axes("moveaxis", destination, x.ndim)
    if len(start) != len(end):
        raise ShapeError(f"moveaxis: source {source} and destination {destination} differ in length")
    order = [i for i in range(x.ndim) if i not in start]
    for place, axis in sorted(zip(end, start, strict=True)):
        order.insert(place, axis)
    return x.transpose(order)


@composite(arrays=True)
def flip(x: Array, axis: Axis = None) -> Any:
    """Backwards along one axis, several, or all."""
    axes = range(x.ndim) if axis is None else _axes("flip", axis, x.ndim)
    return x[tuple([slice(None, None, -1) if i in axes else slice(None) for i in range(x.ndim)])]


@rule(arrays=True, inputs="x")
def roll(x: Array, shift: int | tuple[int, ...], axis: Axis = None) -> Unary:
    """Shifted along axes, or along all as one row; what leaves at the end enters at the start."""
    shift = tuple(shift) if isinstance(shift, list) else shift
    axis = tuple(axis) if isinstance(axis, list) else axis
    back = tuple([-s for s in shift]) if isinstance(shift, tuple) else -shift
    return np.roll(x, shift, axis), lambda g: np.roll(g, back, axis)


# --------------------------------------------------------------------------------------------- repeats


@rule(arrays=True, inputs="x")
def broadcast_to(x: Array, shape: Shape) -> Unary:
    """x repeated to `shape` by the rules of broadcasting, as a read-only view."""
    return np.broadcast_to(x, shape), unchanged


@composite(arrays=True, inputs="x")
def repeat(x: Array, repeats: Any, axis: int | None = None) -> Any:
    """Every element so many times, one number for all or one for each; PyTorch's repeat_interleave.

    Unlike PyTorch: its Tensor.repeat is NumPy's tile.

    >>> repeat(np.array([1, 2]), 2)
    array([1, 1, 2, 2])
    """
    if axis is None:
        x, axis = x.reshape(-1), 0
    axis = _one_axis("repeat", axis, x.ndim)
    return x[(*(slice(None),) * axis, np.repeat(np.arange(x.shape[axis]), repeats))]


repeat_interleave = alias("repeat_interleave", repeat)


@composite(arrays=True, inputs="x")
def tile(x: Array, reps: int | tuple[int, ...]) -> Any:
    """The whole array so many times along each axis.

    >>> tile(np.array([1, 2]), (2, 2))
    array([[1, 2, 1, 2],
           [1, 2, 1, 2]])
    """
    given = np.atleast_1d(reps).tolist()
    ndim = larger(len(given), x.ndim)
    times = (1,) * (ndim - len(given)) + tuple(given)
    shape = (1,) * (ndim - x.ndim) + x.shape
    apart = x.reshape(tuple([m for n in shape for m in (1, n)]))
    repeated = np.broadcast_to(apart, tuple([m for r, n in zip(times, shape, strict=True) for m in (r, n)]))
    return repeated.reshape(tuple([r * n for r, n in zip(times, shape, strict=True)]))


@rule(arrays=True, inputs="x")
def _pad_constant(x: Array, widths: Any, constant: Any) -> Unary:
    inside = tuple([slice(before, before + n) for n, (before, _) in zip(x.shape, widths, strict=True)])
    return np.pad(x, widths, constant_values=constant), lambda g: g[inside]


@composite(arrays=True, inputs="x")
def pad(x: Array, pad_width: Any, mode: str = "constant", constant_values: float = 0) -> Any:
    """Elements added before and after, along each axis.

    `pad_width` is as in NumPy: one number for all, (before, after) for all, or a pair for each axis.
    `mode` is "constant", or "edge", "reflect", "symmetric" or "wrap", which repeat elements of x.

    >>> pad(np.array([1, 2]), (0, 2))
    array([1, 2, 0, 0])
    """
    if mode not in ("constant", "edge", "reflect", "symmetric", "wrap"):
        raise OptionError(
            f'pad: mode must be "constant", "edge", "reflect", "symmetric" or "wrap", not {mode!r}'
        )
    try:
        widths = np.broadcast_to(pad_width, (x.ndim, 2)).tolist()
    except ValueError:
        raise ShapeError(
            f"pad: pad_width must be one number, a pair, or one pair for each axis of {x.shape}"
        ) from None
    if not x.ndim:
        return copy(x)
    if mode == "constant":
        return _pad_constant(x, widths, constant_values)
    for axis, (n, width) in enumerate(zip(x.shape, widths, strict=True)):
        if width != (0, 0):
            x = x[(*(slice(None),) * axis, np.pad(np.arange(n), width, mode))]  # type: ignore[call-overload]
    return x


# ---------------------------------------------------------------------------------------------- joining


@composite(arrays=True, method=False)
def concatenate(arrays: Sequence[Array], axis: int | None = 0) -> Any:
    """Arrays joined along an axis they have, or, with axis None, as rows.

    >>> concatenate([np.zeros((2, 1)), np.ones((2, 2))], axis=1)
    array([[0., 1., 1.],
           [0., 1., 1.]])
    """
    return _concatenate(*_no_lists("concatenate", arrays), axis=axis)


@rule(arrays=True)
def _concatenate(*arrays: Array, axis: int | None = 0) -> tuple[Any, ...]:
    before = (
        (slice(None),) * (axis % arrays[0].ndim) if axis is not None and arrays and arrays[0].ndim else ()
    )
    lengths = [
        a.size if axis is None else a.shape[len(before)] if a.ndim > len(before) else 0 for a in arrays
    ]
    ends = np.cumsum([0, *lengths]).tolist()
    pieces = [(*before, slice(start, end)) for start, end in pairwise(ends)]
    shapes = [a.shape for a in arrays]
    return np.concatenate(arrays, axis), *[_piece(p, s) for p, s in zip(pieces, shapes, strict=True)]


concat = alias("concat", concatenate)
cat = alias("cat", concatenate)


@composite(arrays=True, method=False)
def stack(arrays: Sequence[Array], axis: int = 0) -> Any:
    """Arrays of one shape joined along a new axis.

    >>> stack([np.zeros(2), np.ones(2)], axis=1)
    array([[0., 1.],
           [0., 1.]])
    """
    return _stack(*_no_lists("stack", arrays), axis=axis)


@rule(arrays=True)
def _stack(*arrays: Array, axis: int = 0) -> tuple[Any, ...]:
    y = np.stack(arrays, axis)
    before = (slice(None),) * (axis % y.ndim)
    return y, *[_piece((*before, i), a.shape) for i, a in enumerate(arrays)]


def _no_lists(name: str, arrays: Sequence[Array]) -> tuple[Array, ...]:
    args = tuple(arrays)
    if list in [type(arg) for arg in args] and not on_nodes(*args):  # beside a tensor, one becomes an array
        raise DTypeError(f"{name}: takes tensors and arrays, not lists. Try Tensor(...).")
    return args


def _piece(key: tuple[Any, ...], shape: Shape) -> Local:
    return lambda g: g[key].reshape(shape)


@composite(arrays=True)
def meshgrid(*arrays: Array, indexing: str = "xy") -> tuple[Any, ...]:
    """Every 1-D array repeated over the grid that all span: the grid's coordinates.

    Unlike PyTorch: the first two axes are exchanged unless indexing is "ij", as in NumPy.
    """
    if indexing not in ("xy", "ij"):
        raise OptionError(f'meshgrid: indexing must be "xy" or "ij", not {indexing!r}')
    flat = [a.reshape(-1) for a in arrays]
    order = list(range(len(flat)))
    if indexing == "xy":
        order[:2] = order[1::-1]
    shape = tuple([flat[i].size for i in order])
    return tuple(
        [
            np.broadcast_to(a.reshape(tuple([-1 if i == j else 1 for j in order])), shape)
            for i, a in enumerate(flat)
        ]
    )


# --------------------------------------------------------------------------------------------- triangles


@composite(arrays=True)
def tril(x: Array, k: int = 0) -> Any:
    """The lower triangle of the last two axes, with 0 above diagonal k; whatever was there."""
    rows, columns = _matrix("tril", x.shape)
    return zero_where(x, ~np.tri(rows, columns, k, dtype=bool))


@composite(arrays=True)
def triu(x: Array, k: int = 0) -> Any:
    """The upper triangle of the last two axes, with 0 below diagonal k; whatever was there."""
    rows, columns = _matrix("triu", x.shape)
    return zero_where(x, np.tri(rows, columns, k - 1, dtype=bool))


@rule(arrays=True)
def copy(x: Array) -> Unary:
    """The same elements in memory of their own."""
    return x.copy(), unchanged


clone = alias("clone", copy)


@rule(arrays=True, inputs="x")
def astype(x: Array, dtype: Any) -> tuple[Any, ...]:
    """x converted to dtype; the engine converts the gradient back. Integers are off the graph."""
    kind = np.dtype(dtype).kind
    if kind not in "biuf":
        raise DTypeError(f"astype: a tensor holds real numbers, not {np.dtype(dtype)}")
    return (x.astype(dtype), unchanged) if kind == "f" else (x.astype(dtype),)


# ------------------------------------------------------------------------------------------------- axes


def _matrix(name: str, shape: Shape) -> Shape:
    if len(shape) < 2:
        raise ShapeError(f"{name}: needs a matrix (..., n, m), not shape {shape}")
    return shape[-2:]


def _one_axis(name: str, axis: int, ndim: int) -> int:
    if not -ndim <= axis < ndim:
        raise ShapeError(f"{name}: axis {axis} does not exist in {ndim} dimensions")
    return axis % ndim


def _axes(name: str, axis: int | Sequence[int], ndim: int) -> list[int]:
    """Axes counted from the front, each once."""
    axes = [_one_axis(name, a, ndim) for a in ((axis,) if isinstance(axis, int | np.integer) else axis)]
    if len(set(axes)) < len(axes):
        raise ShapeError(f"{name}: an axis is named twice in {axis}")
    return axes
