"""Elements chosen by their place: indexing, taking, sorting, and cutting into parts."""

from __future__ import annotations

from builtins import all as every
from typing import Any

import numpy as np

from minitensor.core.rule import composite, rule
from minitensor.errors import ShapeError
from minitensor.ndarrays import array_of
from minitensor.results import Selection
from minitensor.rules.logic import argmax, argmin, argsort
from minitensor.rules.notation import Array, Shape, Unary, on_nodes
from minitensor.rules.shapes import _one_axis, copy

# ------------------------------------------------------------------------------------ index and scatter


@rule(arrays=True, inputs="x")
def index(x: Array, key: Any) -> Unary:
    """x[key]: integers, slices, None, ..., integer arrays and masks, as in NumPy."""
    shape = x.shape
    return x[key], lambda g: scatter(g, key, shape)


@rule(arrays=True, inputs="x")
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
    if every([part is None or part is ... or isinstance(part, int | slice) for part in parts]):
        y[key] = x  # no element is addressed twice
    else:
        np.add.at(y, key, x)
    return y


# ----------------------------------------------------------------------------------- by indices along an axis


@composite(arrays=True, inputs="x")
def take(x: Array, indices: Any, axis: int | None = None) -> Any:
    """x[indices], along an axis or of all elements as one row."""
    if axis is None:
        x, axis = x.reshape(-1), 0
    return x[(*(slice(None),) * _one_axis("take", axis, x.ndim), _integers("take", indices))]


@composite(arrays=True, inputs="x")
def gather(x: Array, axis: int, index: Any) -> Any:
    """y[i, j] = x[index[i, j], j] for axis 0, and so on; y has the shape of index.

    >>> gather(np.array([[1, 2], [3, 4]]), 0, np.array([[1, 0]]))
    array([[3, 2]])
    """
    index = _integers("gather", index)
    return x[_grid("gather", x, axis, index)] if x.ndim else x.reshape(1)[index]


@composite(arrays=True)
def scatter_add(x: Array, axis: int, index: Any, src: Array) -> Any:
    """x with src[i, j] added at [index[i, j], j] for axis 0, and so on: the adjoint of gather.

    >>> scatter_add(np.zeros(3), 0, np.array([0, 0, 2]), np.ones(3))
    array([2., 0., 1.])
    """
    index = _integers("scatter_add", index)
    key = _grid("scatter_add", x, axis, index)
    return x + scatter(src[tuple([slice(n) for n in index.shape])], key, x.shape)


@composite(arrays=True, inputs="x")
def take_along_axis(x: Array, indices: Any, axis: int | None = -1) -> Any:
    """Elements along an axis at indices such as argsort's; the other axes broadcast, as in NumPy."""
    indices = _integers("take_along_axis", indices)
    if axis is None:
        x, axis = x.reshape(-1), 0
    axis = _one_axis("take_along_axis", axis, x.ndim)
    if indices.ndim != x.ndim:
        raise ShapeError(f"take_along_axis: x {x.shape} and indices {indices.shape} need equally many axes")
    key: list[Any] = list(np.ogrid[tuple([slice(n) for n in x.shape])])
    key[axis] = indices
    return x[tuple(key)]


def _integers(name: str, indices: Any) -> Any:
    """Indices as an array of their own: changing them later changes no gradient."""
    given = indices.data if on_nodes(indices) else indices
    array = array_of(given).copy()
    if array.dtype.kind not in "iu":
        if array.size:
            raise IndexError(f"{name}: indices must be integers, not {array.dtype}")
        array = array.astype(np.intp)
    return array


def _grid(name: str, x: Array, axis: int, index: Any) -> tuple[Any, ...]:
    """The key that reads x at index along an axis, and at each element's own place along the others."""
    axis = _one_axis(name, axis, x.ndim)
    fits = index.ndim == x.ndim and every(
        [n <= m for i, (n, m) in enumerate(zip(index.shape, x.shape, strict=True)) if i != axis]
    )
    if not fits:
        raise ShapeError(f"{name}: index {index.shape} does not fit x {x.shape} outside axis {axis}")
    key: list[Any] = list(np.ogrid[tuple([slice(n) for n in index.shape])])
    key[axis] = index
    return tuple(key)


# ---------------------------------------------------------------------------------------------- order


@composite(arrays=True)
def max_with_indices(x: Array, axis: int = -1, keepdims: bool = False) -> Selection:
    """The largest elements along an axis and their indices: the first where several tie, as torch.max."""
    return _with_indices(x, argmax(x, axis, True), axis, keepdims)


@composite(arrays=True)
def min_with_indices(x: Array, axis: int = -1, keepdims: bool = False) -> Selection:
    """The smallest elements along an axis and their indices: the first where several tie, as torch.min."""
    return _with_indices(x, argmin(x, axis, True), axis, keepdims)


def _with_indices(x: Array, indices: Any, axis: int, keepdims: bool) -> Selection:
    values = take_along_axis(x, indices, axis) if x.ndim else x
    if keepdims or not x.ndim:
        return Selection(values, indices)
    shape = tuple(np.delete(x.shape, axis).tolist())
    return Selection(values.reshape(shape), indices.reshape(shape))


@composite(arrays=True)
def sort(x: Array, axis: int | None = -1, *, descending: bool = False) -> Any:
    """The elements in order along an axis, NaN last (first if descending); equal ones keep their order.

    Unlike PyTorch: the values alone, as in NumPy; the indices are argsort's.
    """
    if not x.ndim:
        return copy(x)
    if axis is None:
        x, axis = x.reshape(-1), 0
    return take_along_axis(x, argsort(x, axis, descending=descending), axis)


@composite(arrays=True, inputs="x")
def topk(x: Array, k: int, axis: int = -1, largest: bool = True) -> Selection:
    """The k largest (or smallest) elements along an axis, in order, and their indices; the first of ties.

    >>> topk(np.array([3.0, 1.0, 2.0]), 2)
    Selection(values=array([3., 2.]), indices=array([0, 2]))
    """
    if not x.ndim:
        whole = topk(x.reshape(1), k, axis, largest)
        return Selection(whole.values.reshape(()), whole.indices.reshape(())) if k == 1 else whole
    axis = _one_axis("topk", axis, x.ndim)
    if not 0 <= k <= x.shape[axis]:
        raise ShapeError(
            f"topk: cannot take {k} of the {x.shape[axis]} elements along axis {axis} of {x.shape}"
        )
    indices = argsort(x, axis, descending=largest)[(*(slice(None),) * axis, slice(k))]
    return Selection(take_along_axis(x, indices, axis), indices)


@composite(arrays=True)
def median(x: Array, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Any:
    """The middle element in order, or the mean of the middle two, each with half the gradient; NaN if one is.

    Unlike PyTorch: its median is the lower of the middle two; this is NumPy's, and its quantile(x, 0.5),
    which is NaN beside an infinity.
    """
    if x.dtype.kind != "f":
        x = x.astype(np.float32)
    if not x.ndim:
        return copy(x)
    named = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = [_one_axis("median", a, x.ndim) for a in named]
    order = [i for i in range(x.ndim) if i not in axes] + axes
    kept = tuple([n for i, n in enumerate(x.shape) if i not in axes])
    rows = sort(x.transpose(order).reshape((*kept, -1)))
    n = rows.shape[-1]
    if n == 0:
        raise ShapeError(f"median: there is no element along axis {axis} of {x.shape}")
    middle = rows[..., (n - 1) // 2] * 0.5 + rows[..., n // 2] * 0.5
    y = np.where(np.isnan(rows[..., -1]), rows[..., -1], middle)
    return y.reshape(tuple([1 if i in axes else m for i, m in enumerate(x.shape)])) if keepdims else y


# ---------------------------------------------------------------------------------------------- parts


@composite(arrays=True)
def unbind(x: Array, axis: int = 0) -> tuple[Any, ...]:
    """The parts along an axis, without that axis."""
    before = (slice(None),) * _one_axis("unbind", axis, x.ndim)
    return tuple([x[(*before, i)] for i in range(x.shape[len(before)])])


@composite(arrays=True, inputs="x")
def split(x: Array, indices_or_sections: Any, axis: int = 0) -> tuple[Any, ...]:
    """Parts along an axis: so many equal ones, or cut before each of these indices.

    Unlike PyTorch: an integer is the number of parts, as in NumPy, not their length, and a list holds the
    indices to cut before, not lengths; see chunk.
    """
    axis = _one_axis("split", axis, x.ndim)
    n = x.shape[axis]
    if isinstance(indices_or_sections, int | np.integer):
        sections = int(indices_or_sections)
        if sections < 1:
            raise ShapeError(f"split: the number of parts must be at least 1, not {sections}")
        if n % sections:
            raise ShapeError(
                f"split: axis {axis} of {x.shape} cannot be cut into {sections} equal parts. "
                f"Try chunk({sections})."
            )
        cuts = [i * (n // sections) for i in range(1, sections)]
    else:
        cuts = [int(i) for i in indices_or_sections]
    before = (slice(None),) * axis
    ends = zip([None, *cuts], [*cuts, None], strict=True)
    return tuple([x[(*before, slice(start, end))] for start, end in ends])


@composite(arrays=True, inputs="x")
def chunk(x: Array, chunks: int, axis: int = 0) -> tuple[Any, ...]:
    """At most so many parts along an axis, of equal length but for the last."""
    axis = _one_axis("chunk", axis, x.ndim)
    if chunks < 1:
        raise ShapeError(f"chunk: the number of parts must be at least 1, not {chunks}")
    n = x.shape[axis]
    length = -(-n // chunks)
    return split(x, range(length, n, length) if length else range(0), axis)


@composite(arrays=True)
def diagonal(x: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The diagonal of two axes, as the last axis of the result."""
    first, second = (_one_axis("diagonal", a, x.ndim) for a in (axis1, axis2))
    if first == second:
        raise ShapeError(f"diagonal: axis1 and axis2 are both axis {first} of {x.shape}")
    rows = x.transpose([i for i in range(x.ndim) if i not in (first, second)] + [first, second])
    below, right = (-offset, 0) if offset < 0 else (0, offset)
    length = min(rows.shape[-2] - below, rows.shape[-1] - right)
    i = np.arange(length) if length > 0 else np.arange(0)
    return rows[..., i + below, i + right]
