"""Windows that slide along axes, and what networks for images make of them: convolution and pooling.

Images are (n, c, h, w), as in PyTorch; sequences (n, c, l) are images that are 1 high. Inside, they are
worked on as (h, c, w, n): then whatever moves in memory moves in runs of n elements or more, and not of the
few that a window is wide. The results are views in PyTorch's order, so that one layer hands its memory to
the next as it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from minitensor.core.rule import composite, rule
from minitensor.errors import OptionError, ShapeError
from minitensor.rules.arithmetic import zero_where
from minitensor.rules.axes import integers, one_axis
from minitensor.rules.indexing import scatter
from minitensor.rules.notation import Array, Local, Shape, Unary, on_nodes, unchanged

Pair = int | Sequence[int]

# ------------------------------------------------------------------------------------------- windows


@rule(arrays=True, inputs="x")
def windows(x: Array, size: int, axis: int = -1, stride: int = 1, dilation: int = 1) -> Unary:
    """Every window of `size` elements along an axis, as a read-only view; that axis becomes (count, size).

    Windows begin `stride` elements apart, and the elements of one are `dilation` apart.

    >>> windows(np.arange(5), 3)
    array([[0, 1, 2],
           [1, 2, 3],
           [2, 3, 4]])
    """
    axis = one_axis("windows", axis, x.shape)
    length = x.shape[axis]
    if size < 1 or stride < 1 or dilation < 1:
        raise OptionError(
            f"windows: size, stride and dilation must be at least 1, not {size}, {stride} and {dilation}"
        )
    count = _count(length, size, stride, dilation)
    if count < 1:
        raise ShapeError(
            f"windows: a window spans {(size - 1) * dilation + 1} elements, and axis {axis} of {x.shape} "
            f"has {length}"
        )
    if on_nodes(x):
        y = windows(x, size, axis, stride, dilation)
    else:
        shape = (*x.shape[:axis], count, size, *x.shape[axis + 1 :])
        step = x.strides[axis]
        strides = (*x.strides[:axis], step * stride, step * dilation, *x.strides[axis + 1 :])
        y = as_strided(x, shape, strides, writeable=False)
    return y, lambda g: fold(g, length, axis, stride, dilation)


@rule(arrays=True, inputs="x")
def fold(x: Array, length: int, axis: int = -1, stride: int = 1, dilation: int = 1) -> Unary:
    """The windows (count, size) of an axis added up where they lie: the adjoint of `windows`.

    `axis` is the axis of the result, which has `length` elements.

    >>> fold(np.ones((3, 3)), 5)
    array([1., 2., 3., 2., 1.])
    """
    if x.ndim < 2:
        raise ShapeError(f"fold: needs windows (..., count, size, ...), not shape {x.shape}")
    axis = one_axis("fold", axis, x.shape, x.ndim - 1)
    before, whole = (slice(None),) * axis, (slice(None),) * (axis + 1)
    count, size = x.shape[axis : axis + 2]
    if _count(length, size, stride, dilation) != count:
        raise ShapeError(
            f"fold: {count} windows of {size} along axis {axis} of {x.shape} do not come from an axis of "
            f"length {length} by stride {stride} and dilation {dilation}"
        )
    if on_nodes(x):
        y = fold(x, length, axis, stride, dilation)
    else:
        y = np.zeros((*x.shape[:axis], length, *x.shape[axis + 2 :]), x.dtype)
        for i in range(size):
            start = i * dilation
            y[(*before, slice(start, start + (count - 1) * stride + 1, stride))] += x[(*whole, i)]
    return y, lambda g: windows(g, size, axis, stride, dilation)


def _count(length: int, size: int, stride: int, dilation: int) -> int:
    """How many windows lie wholly inside an axis."""
    return (length - (size - 1) * dilation - 1) // stride + 1


@rule(arrays=True, inputs="x")
def _rows_first(x: Array, padding: Any) -> Unary:
    """Images (n, c, h, w) as (h, c, w, n), in memory too; padding is ((top, bottom), (left, right))."""
    (top, bottom), (left, right) = padding
    n, c, h, w = x.shape
    inside = slice(top, top + h), slice(None), slice(left, left + w)
    if on_nodes(x):
        y = _rows_first(x, padding)
    elif top or bottom or left or right:
        y = np.zeros((top + h + bottom, c, left + w + right, n), x.dtype)
        y[inside] = x.transpose(2, 1, 3, 0)
    else:
        y = np.ascontiguousarray(x.transpose(2, 1, 3, 0))
    return y, lambda g: g[inside].transpose(3, 1, 0, 2)


# --------------------------------------------------------------------------------------- convolution


@composite(arrays=True, inputs="input weight bias", method=False)
def conv2d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Pair = 1,
    padding: Pair | str = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Any:
    """Every window of images (n, c, h, w) times every filter, summed: (n, o, h', w'); n may be left out.

    `weight` has shape (o, c / groups, kernel height, kernel width), `bias` (o,). Filters are not flipped:
    to mathematics this is a cross-correlation. `stride`, `padding` (zeros on both sides) and `dilation` are
    one number, or one for each direction; padding may be "same", for h' = h, or "valid", for none. With
    `groups`, the channels fall into so many parts, and each filter sees one of them.

    >>> conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), padding="same")[0, 0]
    array([[4., 4., 2.],
           [4., 4., 2.],
           [2., 2., 1.]])
    """
    down, right = _pair("conv2d", "stride", stride)
    apart = _pair("conv2d", "dilation", dilation)
    around = _margins(padding, weight.shape, (down, right), apart)
    of_bias = None if bias is None else bias.shape
    if fault := _explain_conv2d(input.shape, weight.shape, of_bias, around, apart, groups):
        raise ShapeError(fault)
    if input.ndim == 3:
        return conv2d(input[None], weight, bias, stride, padding, dilation, groups)[0]
    n, (o, c, kh, kw) = input.shape[0], weight.shape
    rows = _rows_first(input, around)
    h, _, w, _ = rows.shape
    oh, ow = _count(h, kh, down, apart[0]), _count(w, kw, right, apart[1])
    # Beside each other what windows share a row: kw times the memory, not kh · kw times. The rows of a
    # window lie below each other, so that its kh · kw · c elements are a column without another copy.
    beside = windows(rows.reshape((h, groups, c, w, n)), kw, 3, right, apart[1])
    columns = beside.transpose((1, 0, 2, 4, 3, 5)).reshape((groups, h, c * kw, ow * n))
    filters = weight.reshape((groups, o // groups, c, kh, kw)).transpose((0, 1, 3, 2, 4))
    y = _convolve(
        columns,
        filters.reshape((groups, o // groups, kh, c * kw)),
        None if bias is None else bias.reshape((groups, 1, o // groups, 1)),
        down,
        apart[0],
    )
    return y.reshape((groups, oh, o // groups, ow, n)).transpose((4, 0, 2, 1, 3)).reshape((n, o, oh, ow))


@composite(arrays=True, inputs="input weight bias", method=False)
def conv1d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Pair = 1,
    padding: Pair | str = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Any:
    """Every window of sequences (n, c, l) times every filter, summed: (n, o, l'); n may be left out.

    `weight` has shape (o, c / groups, kernel size). All else is as in conv2d, of images that are 1 high.

    >>> conv1d(np.ones((1, 1, 4)), np.ones((1, 1, 3)), padding="same")
    array([[[2., 3., 3., 2.]]])
    """
    step, apart = _each("conv1d", "stride", stride, 1), _each("conv1d", "dilation", dilation, 1)
    if isinstance(padding, str):
        _check_word("conv1d", padding, step)
    around = padding if isinstance(padding, str) else (0, *_each("conv1d", "padding", padding, 1, 0))
    of_bias = None if bias is None else bias.shape
    if fault := _explain_conv1d(input.shape, weight.shape, of_bias, around, apart, groups):
        raise ShapeError(fault)
    images, filters = input[..., None, :], weight[:, :, None, :]
    return conv2d(images, filters, bias, (1, *step), around, (1, *apart), groups)[..., 0, :]


@rule(arrays=True, inputs="x weight bias")
def _convolve(
    x: Array, weight: Array, bias: Array | None = None, stride: int = 1, dilation: int = 1
) -> tuple[Any, Local, Local, Local]:
    """Along the rows alone: y[g, r] = Σᵢ weight[g, :, i] @ x[g, r · stride + i · dilation] + bias[g].

    x is (groups, rows, k, m), weight (groups, o, size, k), bias (groups, 1, o, 1). The gradient of x is a
    convolution too: of g, its rows `stride` apart between zeros, with the filters upside down.
    """
    groups, rows, k, m = x.shape
    _, o, size, _ = weight.shape
    below = windows(x, size, 1, stride, dilation)
    count = below.shape[1]
    columns = below.reshape((groups, count, size * k, m))  # a view, unless dilated or in groups
    y = weight.reshape((groups, 1, o, size * k)) @ columns
    if bias is not None:
        y += bias

    def local_x(g: Array) -> Array:
        margin = (size - 1) * dilation
        places = slice(None), slice(margin, margin + (count - 1) * stride + 1, stride)
        spread = scatter(g, places, (groups, rows + margin, o, m))
        return _convolve(spread, weight[:, :, ::-1].transpose((0, 3, 2, 1)), None, 1, dilation)

    def local_weight(g: Array) -> Array:
        # Not g times the columns: BLAS takes twice as long where the result is so flat.
        sums = np.add.reduce(columns @ g.swapaxes(2, 3), axis=1)
        return sums.swapaxes(1, 2).reshape((groups, o, size, k))

    return y, local_x, local_weight, unchanged


def _margins(padding: Pair | str, weight: Shape, stride: Shape, dilation: Shape) -> Any:
    """The padding as ((top, bottom), (left, right))."""
    if isinstance(padding, str):
        _check_word("conv2d", padding, stride)
    if isinstance(padding, str) and padding == "same":
        whole = [(size - 1) * apart for size, apart in zip(weight[2:], dilation, strict=False)]
        return tuple([(m // 2, m - m // 2) for m in whole])
    h, w = (0, 0) if isinstance(padding, str) else _pair("conv2d", "padding", padding, 0)
    return (h, h), (w, w)


def _check_word(name: str, padding: str, stride: Shape) -> None:
    """Refuse a padding by its name that means nothing."""
    if padding not in ("same", "valid"):
        raise OptionError(f'{name}: padding must be numbers, "same" or "valid", not {padding!r}')
    if padding == "same" and max(stride) > 1:
        step = stride[0] if len(stride) == 1 else stride
        raise OptionError(f'{name}: padding="same" needs stride 1, not {step}. Give padding as a number.')


def _pair(name: str, what: str, given: Any, least: int = 1) -> tuple[int, int]:
    """One number for both directions, or one for each."""
    first, last = _each(name, what, given, 2, least)
    return first, last


def _each(name: str, what: str, given: Any, directions: int, least: int = 1) -> tuple[int, ...]:
    """One number for all directions, or one for each."""
    found = integers(name, what, given)
    if len(found) not in (1, directions) or min(found) < least:
        number = "one integer" if directions == 1 else "one or two integers"
        raise OptionError(f"{name}: {what} must be {number} from {least} up, not {given}")
    return found if len(found) == directions else found * directions


# ------------------------------------------------------------------------------------------- pooling


@composite(arrays=True, inputs="input", method=False)
def max_pool2d(
    input: Array,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    dilation: Pair = 1,
    ceil_mode: bool = False,
) -> Any:
    """The largest element of every window of images (n, c, h, w) or (c, h, w); NaN where one is NaN.

    Windows begin `stride` apart (by default side by side), and may reach over the edges by `padding`, which
    is never the largest. With `ceil_mode`, a last one may hang over the end. Of elements that tie, the first,
    row by row, has the whole gradient.

    >>> max_pool2d(np.arange(16.0).reshape(1, 4, 4), 2)
    array([[[ 5.,  7.],
            [13., 15.]]])
    """
    down, right = _directions("max_pool2d", input.shape, 2, kernel_size, stride, padding, dilation, ceil_mode)
    return _largest_in(input, down, right) if input.ndim == 4 else _largest_in(input[None], down, right)[0]


@composite(arrays=True, inputs="input", method=False)
def max_pool1d(
    input: Array,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    dilation: Pair = 1,
    ceil_mode: bool = False,
) -> Any:
    """The largest element of every window of sequences (n, c, l) or (c, l); all else is as in max_pool2d.

    >>> max_pool1d(np.arange(6.0).reshape(1, 6), 2)
    array([[1., 3., 5.]])
    """
    (right,) = _directions("max_pool1d", input.shape, 1, kernel_size, stride, padding, dilation, ceil_mode)
    return _of_sequences(input, lambda images: _largest_in(images, _ONE_ROW, right))


def _of_sequences(x: Array, pool: Any) -> Any:
    """Sequences pooled as images that are 1 high."""
    return pool(x[:, :, None])[:, :, 0] if x.ndim == 3 else pool(x[None, :, None])[0, :, 0]


def _largest_in(input: Array, down: _Direction, right: _Direction) -> Any:
    pairs = [
        ((to_h, slice(None), to_w), (of_h, slice(None), of_w))
        for to_h, of_h in down.reaches()
        for to_w, of_w in right.reaches()
    ]
    return _max_pool(_rows_first(input, _NONE), pairs, down.number, right.number).transpose((3, 1, 0, 2))


@rule(arrays=True, inputs="x")
def _max_pool(x: Array, pairs: Any, height: int, width: int) -> Unary:
    """Of images (h, c, w, n): at y[to] the largest of x[of], over all (to, of) among `pairs`."""
    y = _max_pool(x, pairs, height, width) if on_nodes(x) else _largest(x, pairs, height, width)
    shape = x.shape

    def local(g: Array) -> Array:
        winner = _winner(x, y, pairs)
        parts = [(of, zero_where(g[to], winner[to] != i)) for i, (to, of) in enumerate(pairs)]
        if on_nodes(x, g):
            return sum([scatter(part, of, shape) for of, part in parts])
        total = np.zeros(shape, g.dtype)
        for of, part in parts:
            total[of] += part
        return total

    return y, local


def _largest(x: Array, pairs: Any, height: int, width: int) -> Array:
    least = -math.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    y = np.full((height, x.shape[1], width, x.shape[3]), least, x.dtype)
    for to, of in pairs:
        np.maximum(y[to], x[of], out=y[to])
    return y


@rule(arrays=True, inputs="x y")
def _winner(x: Array, y: Array, pairs: Any) -> tuple[Any]:
    """Which of the pairs each element of y came from: the first that is equal, or the last that is NaN."""
    number = np.zeros(y.shape, np.min_scalar_type(len(pairs)))
    sought = np.ones(y.shape, bool)
    for to, of in pairs[:-1]:
        sought[to] &= x[of] != y[to]
        number += sought  # counting is three times as fast as choosing
    if np.isnan(y).any():
        for i, (to, of) in enumerate(pairs):
            number[to][np.isnan(x[of])] = i
    return (number,)


@composite(arrays=True, inputs="input", method=False)
def avg_pool2d(
    input: Array,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """The mean of every window of images (n, c, h, w) or (c, h, w).

    Windows begin `stride` apart (by default side by side), and may reach over the edges by `padding` zeros,
    which count as elements unless `count_include_pad` is False. With `ceil_mode`, a last window may hang over
    the end, where nothing counts.

    >>> avg_pool2d(np.arange(16.0).reshape(1, 4, 4), 2)
    array([[[ 2.5,  4.5],
            [10.5, 12.5]]])
    """
    down, right = _directions("avg_pool2d", input.shape, 2, kernel_size, stride, padding, 1, ceil_mode)
    images = input if input.ndim == 4 else input[None]
    means = _means_in(images, down, right, count_include_pad)
    return means if input.ndim == 4 else means[0]


@composite(arrays=True, inputs="input", method=False)
def avg_pool1d(
    input: Array,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """The mean of every window of sequences (n, c, l) or (c, l); all else is as in avg_pool2d.

    >>> avg_pool1d(np.arange(6.0).reshape(1, 6), 2)
    array([[0.5, 2.5, 4.5]])
    """
    (right,) = _directions("avg_pool1d", input.shape, 1, kernel_size, stride, padding, 1, ceil_mode)
    return _of_sequences(input, lambda images: _means_in(images, _ONE_ROW, right, count_include_pad))


@composite(arrays=True, inputs="input", method=False)
def adaptive_avg_pool2d(input: Array, output_size: Any) -> Any:
    """The means of as many windows of images (n, c, h, w) or (c, h, w) as the result is to have elements.

    `output_size` is one number, or height and width; None leaves a direction as it is. Windows have equal
    sizes where that goes up, and overlap where it does not: window i of m begins at ⌊i h / m⌋, and ends
    before ⌈(i + 1) h / m⌉.

    >>> adaptive_avg_pool2d(np.arange(16.0).reshape(1, 4, 4), 1)
    array([[[7.5]]])
    """
    if input.ndim not in (3, 4):
        raise ShapeError(f"adaptive_avg_pool2d: images must be (n, c, h, w) or (c, h, w), not {input.shape}")
    given = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size, output_size)
    if len(given) != 2:
        raise OptionError(f"adaptive_avg_pool2d: output_size is one number or two, not {output_size}")
    sizes = [n if m is None else m for m, n in zip(given, input.shape[-2:], strict=True)]
    height, width = _pair("adaptive_avg_pool2d", "output_size", tuple(sizes))
    rows = _averages(input.shape[-2], height, input.dtype)
    columns = _averages(input.shape[-1], width, input.dtype)
    return rows @ input @ columns.T


def _averages(length: int, count: int, dtype: Any) -> Array:
    """(count, length): the matrix that takes the mean of each of so many windows."""
    if not length:
        raise ShapeError("adaptive_avg_pool2d: images without height or width have no mean")
    found = np.zeros((count, length), dtype if dtype.kind == "f" else np.float32)
    for i in range(count):
        start, stop = i * length // count, -(-(i + 1) * length // count)
        found[i, start:stop] = 1 / (stop - start)
    return found


def _means_in(input: Array, down: _Direction, right: _Direction, count_include_pad: bool) -> Any:
    rows = _rows_first(input, (down.margins(), right.margins()))
    inside = windows(windows(rows, right.size, 2, right.stride), down.size, 0, down.stride)
    area = np.outer(down.lengths(count_include_pad), right.lengths(count_include_pad))
    total = np.add.reduce(inside, axis=(1, 4))
    if (area == area[0, 0]).all():
        mean = total / int(area[0, 0])
    else:
        mean = total / area[:, None, :, None].astype(input.dtype)
    return mean.transpose((3, 1, 0, 2))


class _Direction(NamedTuple):
    """How windows lie along one axis of the images."""

    length: int
    size: int
    stride: int
    padding: int
    dilation: int
    number: int

    def reaches(self) -> list[tuple[slice, slice]]:
        """For each place in a window: the windows in which it is inside the image, and where it is then."""
        found = []
        for i in range(self.size):
            offset = i * self.dilation - self.padding  # where the first window has this place
            first = max(0, -(offset // self.stride))
            stop = min(self.number, (self.length - 1 - offset) // self.stride + 1)
            start = offset + first * self.stride
            n = max(0, stop - first)
            at = slice(start, start + n * self.stride, self.stride) if n else slice(0)
            found.append((slice(first, first + n), at))
        return found

    def margins(self) -> tuple[int, int]:
        """Zeros before and after, so that every window is inside."""
        end = (self.number - 1) * self.stride + self.size - self.padding
        return self.padding, max(0, end - self.length)

    def lengths(self, with_padding: bool) -> NDArray[np.int64]:
        """How many elements of each window count; none do that `ceil_mode` made hang over the padding."""
        start = np.arange(self.number) * self.stride - self.padding
        stop = np.minimum(start + self.size, self.length + self.padding)
        return stop - start if with_padding else np.minimum(stop, self.length) - np.maximum(start, 0)


_ONE_ROW = _Direction(1, 1, 1, 0, 1, 1)
"""The height of images that are sequences."""


def _directions(
    name: str,
    shape: Shape,
    directions: int,
    kernel_size: Pair,
    stride: Pair | None,
    padding: Pair,
    dilation: Pair,
    ceil_mode: bool,
) -> list[_Direction]:
    """How the windows lie along the height and width of images, or the length of sequences."""
    if len(shape) not in (directions + 1, directions + 2):
        wanted = "images must be (n, c, h, w) or (c, h, w)"
        wanted = wanted if directions == 2 else "sequences must be (n, c, l) or (c, l)"
        raise ShapeError(f"{name}: {wanted}, not {shape}")
    sizes = _each(name, "kernel_size", kernel_size, directions)
    strides = sizes if stride is None else _each(name, "stride", stride, directions)
    paddings = _each(name, "padding", padding, directions, 0)
    apart = _each(name, "dilation", dilation, directions)
    found = []
    for length, size, step, pad, d in zip(shape[-directions:], sizes, strides, paddings, apart, strict=True):
        if pad > size // 2:
            raise OptionError(
                f"{name}: padding {padding} must be at most half the kernel_size {kernel_size}: "
                "some windows would hold nothing but padding"
            )
        room = length + 2 * pad
        count = _count(room + step - 1 if ceil_mode else room, size, step, d)
        if ceil_mode and (count - 1) * step >= length + pad:  # the last window would begin in the padding
            count -= 1
        if count < 1:
            raise ShapeError(_explain_window(name, shape, [(p, p) for p in paddings], sizes, apart))
        found.append(_Direction(length, size, step, pad, d, count))
    return found


_NONE = (0, 0), (0, 0)


# --------------------------------------------------------------------------------- what errors say


def _explain_conv2d(
    x: Shape, weight: Shape, bias: Shape | None, padding: Any, dilation: Shape, groups: int
) -> str:
    """Why conv2d cannot take images of shape `x`; "" if it can. Padding is ((top, bottom), (left, right)).

    >>> print(_explain_conv2d((8, 28, 28), (6, 1, 5, 5), None, ((0, 0), (0, 0)), (1, 1), 1))
    Conv2d(1 → 6, kernel 5 × 5) got (8, 28, 28): images must be (n, 1, h, w) or (1, h, w). \
For a batch try x.reshape(8, 1, 28, 28).
    """
    if len(weight) != 4 or groups < 1 or weight[0] % groups or 0 in weight:
        form = "(o, c / groups, kernel height, kernel width), none of them 0 and o a multiple of groups"
        return f"conv2d: the weight must be {form}, not {weight} with groups={groups}"
    o, channels = weight[0], weight[1] * groups
    name = f"Conv2d({channels} → {o}, kernel {weight[2]} × {weight[3]})"
    if len(x) not in (3, 4) or x[-3] != channels:
        needs = f"images must be (n, {channels}, h, w) or ({channels}, h, w)"
        hint = ""
        if len(x) == 3 and channels == 1:
            hint = f" For a batch try x.reshape({x[0]}, 1, {x[1]}, {x[2]})."
        elif len(x) in (3, 4) and x[-1] == channels:
            hint = f" Channels come first: try x.transpose({'0, 3, 1, 2' if len(x) == 4 else '2, 0, 1'})."
        return f"{name} got {x}: {needs}.{hint}"
    if bias is not None and bias != (o,):
        return f"{name}: the bias must have shape ({o},), not {bias}"
    for axis in (0, 1):
        if x[axis - 2] + sum(padding[axis]) <= (weight[axis + 2] - 1) * dilation[axis]:
            return _explain_window(name, x, padding, weight[2:], dilation)
    return ""


def _explain_conv1d(
    x: Shape, weight: Shape, bias: Shape | None, padding: Any, dilation: Shape, groups: int
) -> str:
    """Why conv1d cannot take sequences of shape `x`; "" if it can. Padding is a word or (0, number).

    >>> print(_explain_conv1d((8, 28, 3), (6, 3, 5), None, "valid", (1,), 1))
    Conv1d(3 → 6, kernel 5) got (8, 28, 3): sequences must be (n, 3, l) or (3, l). \
Channels come first: try x.transpose(0, 2, 1).
    """
    if len(weight) != 3 or groups < 1 or weight[0] % groups or 0 in weight:
        form = "(o, c / groups, kernel size), none of them 0 and o a multiple of groups"
        return f"conv1d: the weight must be {form}, not {weight} with groups={groups}"
    o, channels = weight[0], weight[1] * groups
    name = f"Conv1d({channels} → {o}, kernel {weight[2]})"
    if len(x) not in (2, 3) or x[-2] != channels:
        hint = ""
        if len(x) in (2, 3) and x[-1] == channels:
            hint = f" Channels come first: try x.transpose({'0, 2, 1' if len(x) == 3 else '1, 0'})."
        return f"{name} got {x}: sequences must be (n, {channels}, l) or ({channels}, l).{hint}"
    if bias is not None and bias != (o,):
        return f"{name}: the bias must have shape ({o},), not {bias}"
    around = 0 if isinstance(padding, str) else padding[1]
    if padding != "same" and x[-1] + 2 * around <= (weight[2] - 1) * dilation[0]:
        return _explain_window(name, x, [(around, around)], weight[2:], dilation)
    return ""


def _explain_window(name: str, x: Shape, padding: Any, kernel: Shape, dilation: Shape = (1, 1)) -> str:
    """Say that windows do not fit into images, or sequences, of shape `x`.

    >>> print(_explain_window("max_pool2d", (1, 3, 4, 4), ((0, 0), (0, 0)), (5, 5)))
    max_pool2d got (1, 3, 4, 4): a window spans 5 × 5, and an image only 4 × 4. \
Try a smaller kernel, or padding.
    """
    lengths = [n + sum(pair) for n, pair in zip(x[-len(padding) :], padding, strict=True)]
    spans = [(size - 1) * apart + 1 for size, apart in zip(kernel, dilation, strict=True)]
    padded = " with its padding" if any([sum(pair) for pair in padding]) else ""
    what = "an image" if len(padding) == 2 else "a sequence"
    window, whole = [" × ".join(map(str, numbers)) for numbers in (spans, lengths)]
    return (
        f"{name} got {x}: a window spans {window}, and {what}{padded} only {whole}. "
        f"Try a smaller kernel, or {'more ' if padded else ''}padding."
    )
