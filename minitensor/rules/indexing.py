"""Elements chosen by their place: indexing, taking, sorting, and cutting into parts."""

from __future__ import annotations

import math
from builtins import all as every
from builtins import max as larger
from builtins import min as smaller
from itertools import accumulate
from typing import Any

import numpy as np

from minitensor.context import effect
from minitensor.core.rule import composite, rule
from minitensor.errors import DTypeError, OptionError, ShapeError
from minitensor.ndarrays import array_of, is_array
from minitensor.results import Selection
from minitensor.rules.arithmetic import maximum, minimum, zero_where
from minitensor.rules.axes import along, are_several, by_dim, integers, one_axis, one_integer, reduced
from minitensor.rules.logic import argmax, argmin, argsort
from minitensor.rules.notation import Array, Axis, Shape, Unary, arrays_of, on_nodes
from minitensor.rules.reductions import _max, _min, _reduced, sum
from minitensor.rules.shapes import copy

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
    return x[(*(slice(None),) * one_axis("take", axis, x.shape), _integers("take", indices))]


@composite(arrays=True, inputs="x")
def gather(x: Array, axis: int, index: Any) -> Any:
    """y[i, j] = x[index[i, j], j] for axis 0, and so on; y has the shape of index.

    >>> gather(np.array([[1, 2], [3, 4]]), 0, np.array([[1, 0]]))
    array([[3, 2]])
    """
    index = _integers("gather", index)
    if not x.ndim:
        x, axis = x.reshape(1), along("gather", axis, ())
        return x[index]
    return x[_grid("gather", x, axis, index)]


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
    axis = one_axis("take_along_axis", axis, x.shape)
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
    axis = one_axis(name, axis, x.shape)
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
def max(
    x: Array, axis: Any = None, keepdims: bool = False, *, dim: Any = None, keepdim: bool | None = None
) -> Any:
    """Largest element over the axes; where several tie, they share the gradient evenly.

    Along `dim`, as PyTorch calls it, the values and their indices: the first of ties, which has the gradient.
    Of two tensors, `maximum`.

    >>> max(np.array([[1, 2], [4, 3]]), dim=1)
    Selection(values=array([2, 4]), indices=array([1, 0]))
    """
    axis, keepdims, by_torch = by_dim("max", axis, keepdims, dim, keepdim)
    if by_torch:
        return max_with_indices(x, axis, keepdims)
    return maximum(x, axis) if _is_other(axis) else _max(x, axis, keepdims)


@composite(arrays=True)
def min(
    x: Array, axis: Any = None, keepdims: bool = False, *, dim: Any = None, keepdim: bool | None = None
) -> Any:
    """Smallest element over the axes; where several tie, they share the gradient evenly.

    Along `dim`, as PyTorch calls it, the values and their indices: the first of ties, which has the gradient.
    Of two tensors, `minimum`.
    """
    axis, keepdims, by_torch = by_dim("min", axis, keepdims, dim, keepdim)
    if by_torch:
        return min_with_indices(x, axis, keepdims)
    return minimum(x, axis) if _is_other(axis) else _min(x, axis, keepdims)


def _is_other(x: Any) -> bool:
    """Whether what stands where NumPy has the axis is a tensor to compare with, as PyTorch may have it."""
    return on_nodes(x) and (x.ndim > 0 or x.dtype.kind not in "iu")


@composite(arrays=True)
def max_with_indices(x: Array, axis: int = -1, keepdims: bool = False) -> Selection:
    """The largest elements along an axis and their indices: the first where several tie, as torch.max."""
    axis = one_axis("max_with_indices", axis, x.shape, x.ndim or 1)
    return _with_indices(x, argmax(x, axis, True), axis, keepdims)


@composite(arrays=True)
def min_with_indices(x: Array, axis: int = -1, keepdims: bool = False) -> Selection:
    """The smallest elements along an axis and their indices: the first where several tie, as torch.min."""
    axis = one_axis("min_with_indices", axis, x.shape, x.ndim or 1)
    return _with_indices(x, argmin(x, axis, True), axis, keepdims)


@composite(arrays=True)
def cummax(x: Array, axis: int = -1) -> Selection:
    """The largest element so far along an axis, and its index: the last of ties, as torch.cummax.

    >>> cummax(np.array([1, 3, 2]))
    Selection(values=array([1, 3, 3]), indices=array([0, 1, 1]))
    """
    axis = one_axis("cummax", axis, x.shape, x.ndim or 1)
    return _with_indices(x, _last_record(x, axis, 1), axis, True)


@composite(arrays=True)
def cummin(x: Array, axis: int = -1) -> Selection:
    """The smallest element so far along an axis, and its index: the last of ties, as torch.cummin."""
    axis = one_axis("cummin", axis, x.shape, x.ndim or 1)
    return _with_indices(x, _last_record(x, axis, -1), axis, True)


@rule(arrays=True, inputs="x")
def _last_record(x: Array, axis: int, sign: int) -> tuple[Any]:
    """Where the extreme element so far is; from the first NaN on, the last NaN so far."""
    if not x.ndim:
        return (np.zeros((), np.intp),)
    record = (np.maximum if sign > 0 else np.minimum).accumulate(x, axis)
    place = np.arange(x.shape[axis]).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    return (np.maximum.accumulate(np.where((x == record) | (x != x), place, 0), axis),)


def _with_indices(x: Array, indices: Any, axis: int, keepdims: bool) -> Selection:
    values = take_along_axis(x, indices, axis) if x.ndim else x
    if keepdims or not x.ndim:
        return Selection(values, indices)
    shape = tuple([n for i, n in enumerate(x.shape) if i != axis % x.ndim])
    return Selection(values.reshape(shape), indices.reshape(shape))


@composite(arrays=True)
def sort(x: Array, axis: Any = -1, *, dim: Any = None, descending: bool = False, stable: bool = True) -> Any:
    """The elements in order along an axis, NaN last (first if descending); equal ones keep their order.

    Along `dim`, as PyTorch calls it, the values and their indices. Unlike PyTorch: without it, as in NumPy,
    the values alone; the indices are argsort's.

    >>> sort(np.array([3, 1, 2])), sort(np.array([3, 1, 2]), dim=0)
    (array([1, 2, 3]), Selection(values=array([1, 2, 3]), indices=array([1, 2, 0])))
    """
    if dim is not None:
        axis = one_axis("sort", dim, x.shape, x.ndim or 1)
        return _with_indices(x, argsort(x, axis, descending=descending), axis, True)
    axis = along("sort", axis, x.shape)
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
        whole = topk(x.reshape(1), k, along("topk", axis, ()), largest)
        return Selection(whole.values.reshape(()), whole.indices.reshape(())) if k == 1 else whole
    axis, k = one_axis("topk", axis, x.shape), one_integer("topk", "k", k)
    if not 0 <= k <= x.shape[axis]:
        raise ShapeError(
            f"topk: cannot take {k} of the {x.shape[axis]} elements along axis {axis} of {x.shape}"
        )
    indices = argsort(x, axis, descending=largest)[(*(slice(None),) * axis, slice(k))]
    return Selection(take_along_axis(x, indices, axis), indices)


@composite(arrays=True)
def median(
    x: Array, axis: Axis = None, keepdims: bool = False, *, dim: Any = None, keepdim: bool | None = None
) -> Any:
    """The middle element in order, or the mean of the middle two, each with half the gradient; NaN if one is.

    Along `dim`, as PyTorch calls it, the lower of the middle two, and its index. Unlike PyTorch: without it
    the mean, as in NumPy and in its quantile(x, 0.5), which is NaN beside an infinity.

    >>> median(np.array([3.0, 1.0])), median(np.array([3.0, 1.0]), dim=0)
    (array(2.), Selection(values=array(1.), indices=array(1)))
    """
    axis, keepdims, by_torch = by_dim("median", axis, keepdims, dim, keepdim)
    if by_torch:
        axis = one_axis("median", axis, x.shape, x.ndim or 1)
        return _with_indices(x, _lower_middle(x, axis), axis, keepdims)
    rows, axis = _in_order("median", x, axis)
    n = rows.shape[-1]
    middle = rows[..., (n - 1) // 2] * 0.5 + rows[..., n // 2] * 0.5
    y = np.where(np.isnan(rows[..., -1]), rows[..., -1], middle)
    return y.reshape(_kept(x.shape, axis)) if keepdims else y


@rule(arrays=True, inputs="x")
def _lower_middle(x: Array, axis: int) -> tuple[Any]:
    """Where the lower of the middle two is, or the first NaN."""
    if not x.ndim:
        return (np.zeros((), np.intp),)
    n = x.shape[axis]
    if not n:
        raise ShapeError(f"median: axis {axis} of {x.shape} has no element")
    middle = np.argsort(x, axis, kind="stable").take([(n - 1) // 2], axis)
    nan = x != x
    return (np.where(nan.any(axis, keepdims=True), nan.argmax(axis, keepdims=True), middle),)


@composite(arrays=True)
def quantile(x: Array, q: Any, axis: Axis = None, keepdims: bool = False, method: str = "linear") -> Any:
    """The value below which a part q of the elements over the axes lies, from 0 to 1; NaN if one is NaN.

    Several q give as many results, along new axes in front. Between two elements, `method` is "linear",
    "lower", "higher", "nearest" or "midpoint"; the two share the gradient as they share the value.

    >>> quantile(np.array([1.0, 2.0, 4.0]), [0.5, 0.75])
    array([2., 3.])
    """
    return _quantile("quantile", x, q, 1, axis, keepdims, method)


@composite(arrays=True, method=False)
def percentile(x: Array, q: Any, axis: Axis = None, keepdims: bool = False, method: str = "linear") -> Any:
    """quantile, with q from 0 to 100.

    >>> percentile(np.array([1.0, 2.0, 4.0]), [50, 75])
    array([2., 3.])
    """
    return _quantile("percentile", x, q, 100, axis, keepdims, method)


def _quantile(name: str, x: Array, q: Any, most: int, axis: Axis, keepdims: bool, method: str) -> Any:
    if method not in _BETWEEN:
        raise OptionError(f"{name}: method must be one of {', '.join(_BETWEEN)}, not {method!r}")
    q = _parts(name, q)
    _check_parts(name, q.data if on_nodes(q) else q, most)
    rows, axis = _in_order(name, x, axis)
    ordered = np.moveaxis(rows, -1, 0)
    place = q / most * (rows.shape[-1] - 1)
    first, last = _BETWEEN[method]
    below, above = _integers(name, first(place).astype(int)), _integers(name, last(place).astype(int))
    share = place - below if method == "linear" else np.full(below.shape, 0.5)
    share = share.astype(rows.dtype).reshape((*below.shape, *(1,) * (rows.ndim - 1)))
    y = ordered[below]
    if first is not last:
        y = y + (ordered[above] - y) * share
    y = np.where(np.isnan(rows[..., -1]), rows[..., -1], y)
    return y.reshape((*below.shape, *_kept(x.shape, axis))) if keepdims else y


@effect  # a program of compile's checks it too, and whatever q is computed from
def _check_parts(name: str, q: Any, most: int) -> None:
    if not np.logical_and(q >= 0, q <= most).all():
        raise OptionError(f"{name}: q must be from 0 to {most}")


def _parts(name: str, q: Any) -> Any:
    """What quantiles are asked for: as an array, or the tensor that it is."""
    try:
        array = q if on_nodes(q) or is_array(q) else np.asarray(q)
    except ValueError as error:  # rows of different lengths
        raise DTypeError(f"{name}: q: one number is needed, or an array of them") from error
    if not hasattr(array, "dtype") or array.dtype.kind not in "biuf":
        raise DTypeError(f"{name}: q: one number is needed, or an array of them, not {type(q).__name__}")
    return array if array is q else array.astype(np.float64)


_BETWEEN: dict[str, tuple[Any, Any]] = {
    "linear": (np.floor, np.ceil),
    "lower": (np.floor, np.floor),
    "higher": (np.ceil, np.ceil),
    "nearest": (np.round, np.round),
    "midpoint": (np.floor, np.ceil),
}


def _in_order(name: str, x: Array, axis: Axis) -> tuple[Array, Any]:
    """The elements over the axes as the last axis, in order, as floating-point numbers; and those axes."""
    axis = reduced(name, axis, x.shape)
    gone = _reduced(x.shape, axis)
    kept = [i for i, is_gone in enumerate(gone) if not is_gone]
    lengths = [n for n, is_gone in zip(x.shape, gone, strict=True) if is_gone]
    if 0 in lengths:
        raise ShapeError(f"{name}: there is no element along axis {axis} of {x.shape}")
    x = x if x.dtype.kind == "f" else x.astype(np.float32)
    rows = x.transpose(kept + [i for i, is_gone in enumerate(gone) if is_gone])
    return sort(rows.reshape((*[x.shape[i] for i in kept], math.prod(lengths)))), axis


def _kept(shape: Shape, axis: Axis) -> Shape:
    """A shape with 1 for every axis that is reduced."""
    return tuple([1 if gone else n for n, gone in zip(shape, _reduced(shape, axis), strict=True)])


# ---------------------------------------------------------------------------------------- between points


@composite(arrays=True, method=False)
def interp(
    x: Array, xp: Any, fp: Any, left: Any = None, right: Any = None, period: float | None = None
) -> Any:
    """The line through the points (xp, fp), whose xp increase, at x.

    Outside it is `left` and `right`, or level with the first and the last point; or it repeats itself with
    `period`. The derivative in x is the slope: at a point that to its right, at the last that to its left,
    and 0 outside.

    >>> interp(np.array([0.5, 9.0]), [0, 1, 2], [0, 10, 30])
    array([ 5., 30.])
    """
    x, xp, fp = arrays_of("interp", x, xp, fp)
    if xp.ndim != 1 or xp.shape != fp.shape or not xp.size:
        raise ShapeError(f"interp: xp {xp.shape} and fp {fp.shape} must be vectors of one length, not 0")
    if period is not None:
        if period == 0:
            raise OptionError("interp: period must not be 0")
        left = right = None
        period = math.fabs(period)
        x, xp = x % period, xp % period
        order = argsort(xp)
        xp, fp = _at(xp, order), _at(fp, order)
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
    before, after = x < xp[0], x > xp[-1]
    if len(xp) == 1:
        y = zero_where(x * fp[0], True) + fp[0]
    else:
        i = _interval(xp, x)
        start, width = _at(xp, i), _at(xp, i + 1) - _at(xp, i)
        jump = width == 0  # of points given twice: the last of them counts
        inside = np.where(np.logical_or(before, after), start, x)
        share = np.where(jump, 1, np.divide(inside - start, np.where(jump, 1, width)))
        low, high = _at(fp, i), _at(fp, i + 1)
        finite = np.logical_and(np.isfinite(low), np.isfinite(high))
        endless = np.logical_not(finite)
        rise = zero_where(high, endless) - zero_where(low, endless)
        # Where one is not finite: both by their shares, and at a point that one alone (0 times inf is NaN).
        apart = zero_where(low, share == 1) * (1 - share) + zero_where(high, share == 0) * share
        y = np.where(endless, apart, low + rise * share)
    y = np.where(before, fp[0] if left is None else left, y)
    return np.where(after, fp[-1] if right is None else right, y)


@rule(arrays=True)
def _interval(xp: Array, x: Array) -> tuple[Any]:
    """Between which two of the points each x is: the place of the first of them."""
    return (np.clip(np.searchsorted(xp, x, "right") - 1, 0, len(xp) - 2),)


@rule(arrays=True, inputs="x")
def _at(x: Array, places: Array) -> Unary:
    """Elements of a vector, at places that may themselves have been computed."""
    n = x.shape
    return x[places], lambda g: scatter(g, places, n)


@composite(arrays=True)
def diff(x: Array, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """Each element minus the one before it along an axis, n times; of booleans, whether they differ.

    `prepend` and `append` are joined to x first, if n is not 0: arrays, or numbers.

    >>> diff(np.array([1, 4, 9]))
    array([3, 5])
    """
    axis, times = one_axis("diff", axis, x.shape), one_integer("diff", "n", n)
    if times < 0:
        raise OptionError(f"diff: n must be 0 or more, not {times}")
    if times == 0:
        return x
    x, *more = arrays_of("diff", x, *[part for part in (prepend, append) if part is not None])
    edge = tuple([1 if i == axis else m for i, m in enumerate(x.shape)])
    more = [part if part.ndim else np.broadcast_to(part, edge) for part in more]
    if more:
        head, tail = more[: prepend is not None], more[prepend is not None :]
        x = np.concatenate([*head, x, *tail], axis)
    before = (slice(None),) * axis
    for _ in range(times):
        later, earlier = x[(*before, slice(1, None))], x[(*before, slice(None, -1))]
        x = later != earlier if x.dtype == np.bool_ else later - earlier
    return x


@composite(arrays=True, method=False)
def trapezoid(y: Array, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    """The area under the line through points y along an axis, at places x or `dx` apart.

    >>> trapezoid(np.array([1.0, 2.0, 3.0]), x=[0, 1, 3])
    np.float64(6.5)
    """
    axis = one_axis("trapezoid", axis, y.shape)
    width: Any = dx
    if x is not None:
        y, x = arrays_of("trapezoid", y, x)
        if x.shape not in (y.shape, y.shape[axis : axis + 1]):
            raise ShapeError(
                f"trapezoid: x {x.shape} must have the shape of y {y.shape}, or one element for each along "
                f"axis {axis}"
            )
        width = diff(x, axis=-1 if x.ndim == 1 else axis)
        width = width.reshape([-1 if i == axis else 1 for i in range(y.ndim)]) if x.ndim == 1 else width
    before = (slice(None),) * axis
    return sum((y[(*before, slice(1, None))] + y[(*before, slice(None, -1))]) * width, axis) * 0.5


# ---------------------------------------------------------------------------------------------- parts


@composite(arrays=True)
def unbind(x: Array, axis: int = 0) -> tuple[Any, ...]:
    """The parts along an axis, without that axis."""
    before = (slice(None),) * one_axis("unbind", axis, x.shape)
    return tuple([x[(*before, i)] for i in range(x.shape[len(before)])])


@composite(arrays=True, inputs="x")
def split(x: Array, indices_or_sections: Any, axis: Any = None, *, dim: Any = None) -> tuple[Any, ...]:
    """Parts along an axis, or axis 0: so many equal ones, or cut before each of these indices.

    Along `dim`, as PyTorch calls it: parts of this length, the last perhaps shorter, or of each of these
    lengths. Where neither is named, what could mean either is taken only if both would do the same.

    >>> [len(part) for part in split(np.arange(6), 2, axis=0)]
    [3, 3]
    >>> [len(part) for part in split(np.arange(6), 2, dim=0)]
    [2, 2, 2]
    """
    if axis is not None and dim is not None:
        raise DTypeError("split: axis and dim mean the same argument")
    place = one_axis("split", (0 if axis is None else axis) if dim is None else dim, x.shape)
    n = x.shape[place]
    if are_several(indices_or_sections):
        given = integers("split", "indices_or_sections", indices_or_sections)
        by_length = list(accumulate(given))[:-1]
        if dim is not None and not _are_lengths(given, n):
            raise ShapeError(f"split: lengths {given} do not add up to axis {place} of {x.shape}")
        cuts = list(given) if dim is None else by_length
        if axis is None and dim is None and _are_lengths(given, n) and cuts != by_length:
            raise OptionError(
                f"split: parts cut before {given}, or parts of these lengths? Write axis={place} for the "
                f"first, as NumPy does, or dim={place} for the second, as PyTorch does."
            )
    else:
        number = one_integer("split", "indices_or_sections", indices_or_sections)
        if number < 1:
            raise ShapeError(f"split: the number of parts, or their length, must be at least 1, not {number}")
        if axis is None and dim is None and number * number != n:
            raise OptionError(
                f"split: {number} parts, or parts of length {number}? Write axis={place} for the first, as "
                f"NumPy does, or dim={place} for the second, as PyTorch does."
            )
        if dim is None and n % number:
            raise ShapeError(
                f"split: axis {place} of {x.shape} cannot be cut into {number} equal parts. "
                f"Try chunk({number})."
            )
        length = number if dim is not None else n // number
        cuts = list(range(length, n, length)) if length else [0] * (number - 1)
    before = (slice(None),) * place
    ends = zip([None, *cuts], [*cuts, None], strict=True)
    return tuple([x[(*before, slice(start, end))] for start, end in ends])


def _are_lengths(given: tuple[int, ...], n: int) -> bool:
    """Whether parts of these lengths make n."""
    return every([length >= 0 for length in given]) and math.fsum(given) == n


@composite(arrays=True, inputs="x")
def chunk(x: Array, chunks: int, axis: int = 0) -> tuple[Any, ...]:
    """At most so many parts along an axis, of equal length but for the last."""
    axis, chunks = one_axis("chunk", axis, x.shape), one_integer("chunk", "chunks", chunks)
    if chunks < 1:
        raise ShapeError(f"chunk: the number of parts must be at least 1, not {chunks}")
    n = x.shape[axis]
    length = -(-n // chunks)
    return split(x, range(length, n, length) if length else range(0), axis)


@composite(arrays=True)
def diagonal(x: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The diagonal of two axes, as the last axis of the result: a view."""
    first, second = (one_axis("diagonal", a, x.shape) for a in (axis1, axis2))
    if first == second:
        raise ShapeError(f"diagonal: axis1 and axis2 are both axis {first} of {x.shape}")
    offset = one_integer("diagonal", "offset", offset)
    rows = x.transpose([i for i in range(x.ndim) if i not in (first, second)] + [first, second])
    below, right = (-offset, 0) if offset < 0 else (0, offset)
    length = larger(smaller(rows.shape[-2] - below, rows.shape[-1] - right), 0)
    square = rows[..., below : below + length, right : right + length]
    return np.einsum("...ii->...i", square)


@composite(arrays=True)
def diag(x: Array, k: int = 0) -> Any:
    """A matrix with the vector x on diagonal k, and zeros elsewhere; of a matrix, that diagonal.

    >>> diag(np.array([1, 2]))
    array([[1, 0],
           [0, 2]])
    """
    offset = one_integer("diag", "k", k)
    if x.ndim == 2:
        return diagonal(x, offset)
    if x.ndim != 1:
        raise ShapeError(f"diag: takes a vector or a matrix, not shape {x.shape}. See diagonal.")
    n, i = len(x) + abs(offset), np.arange(len(x))
    return scatter(x, (i + larger(-offset, 0), i + larger(offset, 0)), (n, n))
