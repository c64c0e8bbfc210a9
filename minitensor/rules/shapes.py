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
from minitensor.rules.axes import integers, listed, one_axis, one_integer, reduced, several_axes
from minitensor.rules.notation import (
    Array,
    Axes,
    Axis,
    Local,
    Shape,
    Unary,
    arrays_of,
    on_nodes,
    unchanged,
)

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
    start, end = (one_axis("flatten", a, x.shape, larger(x.ndim, 1)) for a in (start_dim, end_dim))
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
    named = reduced("squeeze", axis, x.shape)
    if not x.ndim:
        return x
    ones = [i for i, n in enumerate(x.shape) if n == 1]
    gone = ones if named is None else several_axes("squeeze", named, x.shape)
    for i in gone:
        if x.shape[i] != 1:
            raise ShapeError(f"squeeze: axis {i} of shape {x.shape} has length {x.shape[i]}, not 1")
    return x.reshape(tuple([n for i, n in enumerate(x.shape) if i not in gone]))


@composite(arrays=True, inputs="x")
def expand_dims(x: Array, axis: Axes) -> Any:
    """With new axes of length 1 in these places of the result."""
    ndim = x.ndim + len(listed(axis))
    new = several_axes("expand_dims", axis, x.shape, ndim)
    lengths = iter(x.shape)
    return x.reshape(tuple([1 if i in new else next(lengths) for i in range(ndim)]))


@composite(arrays=True)
def atleast_1d(*arrays: Array) -> Any:
    """With one axis at least: () becomes (1,). Several arrays give a tuple.

    >>> atleast_1d(np.array(2.0))
    array([2.])
    """
    return _each_at_least(1, arrays)


@composite(arrays=True)
def atleast_2d(*arrays: Array) -> Any:
    """With two axes at least: a vector becomes a row. Several arrays give a tuple.

    >>> atleast_2d(np.array([1.0, 2.0]))
    array([[1., 2.]])
    """
    return _each_at_least(2, arrays)


@composite(arrays=True)
def atleast_3d(*arrays: Array) -> Any:
    """With three axes at least: (n,) becomes (1, n, 1), (m, n) becomes (m, n, 1). Several give a tuple."""
    return _each_at_least(3, arrays)


def _each_at_least(ndim: int, arrays: tuple[Array, ...]) -> Any:
    found = tuple([_at_least(ndim, x) for x in arrays_of(f"atleast_{ndim}d", *arrays)])
    return found[0] if len(found) == 1 else found


def _at_least(ndim: int, x: Array) -> Array:
    if x.ndim >= ndim:
        return x
    shape = (1,) * (min(ndim, 2) - x.ndim) + x.shape
    return x.reshape(shape + (1,) * (ndim - len(shape)))


# ---------------------------------------------------------------------------------------------- order


@composite(arrays=True, inputs="x")
def transpose(x: Array, *axes: Any, dim0: int | None = None, dim1: int | None = None) -> Any:
    """The axes in another order: reversed, or as a tuple has them; of two integers, these two exchanged.

    >>> x = np.zeros((2, 3, 4))
    >>> transpose(x).shape, transpose(x, (1, 0, 2)).shape, transpose(x, 0, 2).shape
    ((4, 3, 2), (3, 2, 4), (4, 3, 2))
    """
    if dim0 is not None or dim1 is not None:
        axes = (*axes, *[dim for dim in (dim0, dim1) if dim is not None])
    if len(axes) == 2:
        return swapaxes(x, *axes)
    return _transpose(x, *axes)


@composite(arrays=True, inputs="x")
def permute(x: Array, *dims: Any) -> Any:
    """The axes in another order, given in a tuple or one by one.

    >>> permute(np.zeros((2, 3, 4)), 2, 0, 1).shape
    (4, 2, 3)
    """
    return _transpose(x, *dims)


@rule(arrays=True, inputs="x")
def _transpose(x: Array, *axes: Any) -> Unary:
    given = axes[0] if len(axes) == 1 else axes or None
    order = None if given is None else several_axes("transpose", given, x.shape)
    if order is not None and len(order) != x.ndim:
        raise ShapeError(f"transpose: shape {x.shape} has {x.ndim} axes, and {given} names {len(order)}")
    inverse = None if order is None else np.argsort(order).tolist()
    return x.transpose(order), lambda g: g.transpose(inverse)


@rule(arrays=True, inputs="x")
def swapaxes(x: Array, axis1: int, axis2: int) -> Unary:
    """Two axes exchanged."""
    axis1, axis2 = one_axis("swapaxes", axis1, x.shape), one_axis("swapaxes", axis2, x.shape)
    return x.swapaxes(axis1, axis2), lambda g: g.swapaxes(axis1, axis2)


@composite(arrays=True, inputs="x")
def moveaxis(x: Array, source: Axes, destination: Axes) -> Any:
    """Axes moved to other places, the others keeping their order."""
    start, end = several_axes("moveaxis", source, x.shape), several_axes("moveaxis", destination, x.shape)
    if len(start) != len(end):
        raise ShapeError(f"moveaxis: source {source} and destination {destination} differ in length")
    order = [i for i in range(x.ndim) if i not in start]
    for place, axis in sorted(zip(end, start, strict=True)):
        order.insert(place, axis)
    return x.transpose(order)


@composite(arrays=True)
def flip(x: Array, axis: Axis = None) -> Any:
    """Backwards along one axis, several, or all."""
    turned = range(x.ndim) if axis is None else several_axes("flip", axis, x.shape)
    return x[tuple([slice(None, None, -1) if i in turned else slice(None) for i in range(x.ndim)])]


@rule(arrays=True, inputs="x")
def roll(x: Array, shift: Axes, axis: Axis = None) -> Unary:
    """Shifted along axes, or along all as one row; what leaves at the end enters at the start.

    A shift for each axis, one shift for all of them, or several along one axis, which add up.

    >>> roll(np.arange(6).reshape(2, 3), (1, -1), (0, 1))
    array([[4, 5, 3],
           [1, 2, 0]])
    """
    shifts = integers("roll", "shift", shift)
    if axis is None:
        total = sum(shifts)
        return np.roll(x, total), lambda g: np.roll(g, -total)
    # An axis may be named twice here.
    places = tuple([one_axis("roll", a, x.shape) for a in listed(axis)])
    if len(shifts) != len(places) and 1 not in (len(shifts), len(places)):
        raise ShapeError(f"roll: there are {len(shifts)} shifts, and {len(places)} axes in {axis}")
    back = tuple([-s for s in shifts])
    return np.roll(x, shifts, places), lambda g: np.roll(g, back, places)


# --------------------------------------------------------------------------------------------- repeats


@rule(arrays=True, inputs="x")
def broadcast_to(x: Array, shape: Shape) -> Unary:
    """x repeated to `shape` by the rules of broadcasting, as a read-only view."""
    return np.broadcast_to(x, shape), unchanged


@composite(arrays=True, inputs="x")
def repeat(x: Array, repeats: Axes, axis: int | None = None) -> Any:
    """Every element so many times, one number for all or one for each; PyTorch's repeat_interleave.

    Unlike PyTorch: its Tensor.repeat is NumPy's tile.

    >>> repeat(np.array([1, 2]), 2)
    array([1, 1, 2, 2])
    """
    if axis is None:
        x, axis = x.reshape(-1), 0
    axis = one_axis("repeat", axis, x.shape)
    n, counts = x.shape[axis], integers("repeat", "repeats", repeats)
    if len(counts) not in (1, n) or any([count < 0 for count in counts]):
        raise ShapeError(
            f"repeat: repeats must be one number from 0 up, or one for each of the {n} elements along "
            f"axis {axis} of {x.shape}"
        )
    return x[(*(slice(None),) * axis, np.repeat(np.arange(n), counts))]


@composite(arrays=True, inputs="x")
def tile(x: Array, reps: Axes) -> Any:
    """The whole array so many times along each axis.

    >>> tile(np.array([1, 2]), (2, 2))
    array([[1, 2, 1, 2],
           [1, 2, 1, 2]])
    """
    given = integers("tile", "reps", reps)
    if any([times < 0 for times in given]):
        raise ShapeError(f"tile: reps must be from 0 up, not {reps}")
    ndim = larger(len(given), x.ndim)
    times = (1,) * (ndim - len(given)) + given
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

    `pad_width` is as in NumPy: one number for all, (before, after) for all, or a pair for each axis. Negative
    widths cut off, as in PyTorch.
    `mode` is "constant", or "edge", "reflect", "symmetric" or "wrap", which repeat elements of x.

    >>> pad(np.array([1, 2]), (0, 2))
    array([1, 2, 0, 0])
    """
    if mode not in ("constant", "edge", "reflect", "symmetric", "wrap"):
        raise OptionError(
            f'pad: mode must be "constant", "edge", "reflect", "symmetric" or "wrap", not {mode!r}'
        )
    try:
        given = np.broadcast_to(pad_width, (x.ndim, 2))
    except ValueError:
        raise ShapeError(
            f"pad: pad_width must be one number, a pair, or one pair for each axis of {x.shape}"
        ) from None
    widths = [integers("pad", "pad_width", pair) for pair in given.tolist()]
    if not x.ndim:
        return copy(x)
    if any([width < 0 for pair in widths for width in pair]):
        x = _cut(x, widths)
        widths = [(larger(before, 0), larger(after, 0)) for before, after in widths]
    if mode == "constant":
        return _pad_constant(x, widths, constant_values)
    for axis, (n, width) in enumerate(zip(x.shape, widths, strict=True)):
        if width != (0, 0):
            if n == 0:
                raise ShapeError(f"pad: axis {axis} of {x.shape} has no element to repeat")
            x = x[(*(slice(None),) * axis, np.pad(np.arange(n), width, mode))]  # type: ignore[call-overload]
    return x


def _cut(x: Array, widths: Sequence[tuple[int, ...]]) -> Array:
    """Without as many elements at each end as a negative width says."""
    key = []
    for axis, (n, (before, after)) in enumerate(zip(x.shape, widths, strict=True)):
        start, end = larger(-before, 0), n - larger(-after, 0)
        if end < start:
            raise ShapeError(f"pad: axis {axis} of {x.shape} is too short to cut {(before, after)} off")
        key.append(slice(start, end))
    return x[tuple(key)]


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
    axis = None if axis is None else one_axis("concatenate", axis, arrays[0].shape)
    before = (slice(None),) * (axis or 0)
    lengths = [
        a.size if axis is None else a.shape[len(before)] if a.ndim > len(before) else 0 for a in arrays
    ]
    ends = np.cumsum([0, *lengths]).tolist()
    pieces = [(*before, slice(start, end)) for start, end in pairwise(ends)]
    shapes = [a.shape for a in arrays]
    return np.concatenate(arrays, axis), *[_piece(p, s) for p, s in zip(pieces, shapes, strict=True)]


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
    axis = one_axis("stack", axis, arrays[0].shape, arrays[0].ndim + 1)
    y = np.stack(arrays, axis)
    before = (slice(None),) * axis
    return y, *[_piece((*before, i), a.shape) for i, a in enumerate(arrays)]


def _no_lists(name: str, arrays: Sequence[Array]) -> tuple[Array, ...]:
    args = _members(name, arrays)
    if list in [type(arg) for arg in args] and not on_nodes(*args):  # beside a tensor, one becomes an array
        raise DTypeError(f"{name}: takes tensors and arrays, not lists. Try Tensor(...).")
    return args


def _members(name: str, arrays: Any) -> tuple[Array, ...]:
    if not hasattr(arrays, "__iter__"):
        raise DTypeError(f"{name}: takes a list of arrays, not {type(arrays).__name__}")
    if not (args := tuple(arrays)):
        raise ShapeError(f"{name}: there is no array to join")
    return args


def _piece(key: tuple[Any, ...], shape: Shape) -> Local:
    return lambda g: g[key].reshape(shape)


@composite(arrays=True, method=False)
def hstack(arrays: Sequence[Array]) -> Any:
    """Arrays side by side: joined along axis 1, and vectors along their only one.

    >>> hstack([np.zeros(2), np.ones(1)])
    array([0., 0., 1.])
    """
    parts = [_at_least(1, x) for x in arrays_of("hstack", *_members("hstack", arrays))]
    return _joined("hstack", parts, min(parts[0].ndim - 1, 1))


@composite(arrays=True, method=False)
def vstack(arrays: Sequence[Array]) -> Any:
    """Arrays below each other: joined along axis 0, vectors as rows.

    >>> vstack([np.zeros(2), np.ones((1, 2))])
    array([[0., 0.],
           [1., 1.]])
    """
    parts = [_at_least(2, x) for x in arrays_of("vstack", *_members("vstack", arrays))]
    return _joined("vstack", parts, 0)


@composite(arrays=True, method=False)
def dstack(arrays: Sequence[Array]) -> Any:
    """Arrays behind each other: joined along axis 2, with axes added as atleast_3d does.

    >>> dstack([np.zeros(2), np.ones(2)])
    array([[[0., 1.],
            [0., 1.]]])
    """
    parts = [_at_least(3, x) for x in arrays_of("dstack", *_members("dstack", arrays))]
    return _joined("dstack", parts, 2)


@composite(arrays=True, method=False)
def column_stack(arrays: Sequence[Array]) -> Any:
    """Vectors and matrices as the columns of one matrix.

    >>> column_stack([np.zeros(2), np.ones((2, 2))])
    array([[0., 1., 1.],
           [0., 1., 1.]])
    """
    given = arrays_of("column_stack", *_members("column_stack", arrays))
    parts = [x.reshape((-1 if x.ndim else 1, 1)) if x.ndim < 2 else x for x in given]
    return _joined("column_stack", parts, 1)


def _joined(name: str, parts: list[Array], axis: int) -> Any:
    first = parts[0].shape
    for x in parts:
        if x.ndim != len(first):
            raise ShapeError(f"{name}: {first} and {x.shape} have different numbers of axes")
        for i, (n, m) in enumerate(zip(first, x.shape, strict=True)):
            if n != m and i != axis:
                raise ShapeError(
                    f"{name}: {first} and {x.shape} differ along axis {i}, {n} against {m}; "
                    f"only axis {axis} may"
                )
    return _concatenate(*parts, axis=axis)


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
    return zero_where(x, ~np.tri(rows, columns, one_integer("tril", "k", k), dtype=bool))


@composite(arrays=True)
def triu(x: Array, k: int = 0) -> Any:
    """The upper triangle of the last two axes, with 0 below diagonal k; whatever was there."""
    rows, columns = _matrix("triu", x.shape)
    return zero_where(x, np.tri(rows, columns, one_integer("triu", "k", k) - 1, dtype=bool))


@rule(arrays=True)
def copy(x: Array) -> Unary:
    """The same elements in memory of their own."""
    return x.copy(), unchanged


@rule(arrays=True, inputs="x")
def astype(x: Array, dtype: Any) -> tuple[Any, ...]:
    """x converted to dtype; the engine converts the gradient back. Integers are off the graph."""
    kind = np.dtype(dtype).kind
    if kind not in "biuf":
        raise DTypeError(f"astype: a tensor holds real numbers, not {np.dtype(dtype)}")
    return (x.astype(dtype), unchanged) if kind == "f" else (x.astype(dtype),)


def _matrix(name: str, shape: Shape) -> Shape:
    if len(shape) < 2:
        raise ShapeError(f"{name}: needs a matrix (..., n, m), not shape {shape}")
    return shape[-2:]
