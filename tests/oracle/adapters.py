"""PyTorch's side of the table: the functions that its rows name, and adapters for those that differ.

An adapter of a function stands around its name, as in "over_axes(sum)"; one that is a function itself is
named as "adapters.pad".
"""

from __future__ import annotations

import math
import warnings
from functools import cache, reduce
from itertools import permutations
from operator import attrgetter, mul
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from tests.table.row import Function, Row, Shape, is_array


def counterpart(row: Row) -> Function:
    """PyTorch's operation in the form that samples call."""
    assert row.torch is not None
    return row.form(named(row.torch) if isinstance(row.torch, str) else row.torch)


@cache
def named(text: str) -> Function:
    """The function that a row means: "exp", "adapters.pad", or "over_axes(sum)"."""
    function: Function
    if text.endswith(")"):
        adapter, _, inner = text.removesuffix(")").partition("(")
        function = globals()[adapter](named(inner))
    elif text.startswith("adapters."):
        function = globals()[text.removeprefix("adapters.")]
    else:
        function = attrgetter(text)(torch)
    return function


# --------------------------------------------------------------------------------- adapters of functions


def along_axis(function: Function) -> Function:
    """A function along one axis, the last by default; what else it takes has another name there."""
    return lambda x, axis=-1, **attrs: function(x, axis, *attrs.values())


def over_axes(function: Function) -> Function:
    """A reduction, given NumPy's axis and keepdims."""

    def reduce(x: torch.Tensor, axis: Any = None, keepdims: bool = False, **attrs: Any) -> Any:
        return function(x, tuple(range(x.ndim)) if axis is None else axis, keepdim=keepdims, **attrs)

    return reduce


def as_one_row(function: Function) -> Function:
    """A function along one axis, where NumPy's axis None means all elements as one row."""

    def along(x: torch.Tensor, axis: int | None = None, **attrs: Any) -> Any:
        return function(x.reshape(-1), 0, **attrs) if axis is None else function(x, axis, **attrs)

    return along


def with_ddof(function: Function) -> Function:
    """Variance and deviation with NumPy's ddof, 0 by default; they warn where n − ddof is 0."""

    def compute(x: Any, axes: Any, keepdim: bool, ddof: float = 0, correction: float | None = None) -> Any:
        return function(x, axes, correction=ddof if correction is None else correction, keepdim=keepdim)

    return without_warnings(over_axes(compute))


def raveled(function: Function) -> Function:
    """A function of vectors, given arrays of any shape."""
    return lambda *inputs: function(*[x.reshape(-1) for x in inputs])


def with_tensors(function: Function) -> Function:
    """A function that takes arrays among its attributes too."""

    def call(*inputs: Any, **attrs: Any) -> Any:
        return function(*inputs, **{k: torch.as_tensor(v) if is_array(v) else v for k, v in attrs.items()})

    return call


def in_dtype_of_input(function: Function) -> Function:
    """As with_tensors, with weights in the dtype of the input, as ours converts them."""

    def call(x: torch.Tensor, *inputs: Any, weight: Any = None, **attrs: Any) -> Any:
        factors = None if weight is None else torch.as_tensor(weight).to(x.dtype)
        return with_tensors(function)(x, *inputs, weight=factors, **attrs)

    return call


def without_warnings(function: Function) -> Function:
    def call(*inputs: Any, **attrs: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*inputs, **attrs)

    return call


# ----------------------------------------------------------------------------- arithmetic and activations


def sign(x: torch.Tensor) -> torch.Tensor:
    """Ours is NumPy's: the sign of NaN is NaN, where PyTorch's is 0."""
    return torch.where(x.isnan(), x.detach(), torch.sign(x))


def remainder(x: Any, y: Any) -> torch.Tensor:
    """Theirs has no gradient where the first argument is a number."""
    return torch.remainder(torch.as_tensor(x), y)


def fmod(x: Any, y: Any) -> torch.Tensor:
    """Theirs takes no number as its first argument."""
    return torch.fmod(torch.as_tensor(x), y)


def heaviside(x: Any, y: Any) -> torch.Tensor:
    """By definition: theirs has no gradient, and makes 0 of NaN."""
    x, y = torch.as_tensor(x), torch.as_tensor(y)
    dtype = torch.result_type(x, y)
    step = torch.where(x.isnan(), torch.nan, (x > 0).to(dtype)).to(dtype)
    return torch.where(x == 0, y.to(dtype), torch.where(torch.zeros_like(x, dtype=torch.bool), x, step))


def floor_divide(x: Any, y: Any) -> torch.Tensor:
    """Under the name for which PyTorch has a gradient; numbers have none."""
    return torch.div(torch.as_tensor(x), torch.as_tensor(y), rounding_mode="floor")


def hardsigmoid(x: torch.Tensor) -> torch.Tensor:
    """Theirs has no gradient of its gradient."""
    return functional.relu6(x + 3) / 6


def threshold(x: torch.Tensor, threshold: float = 0.0, value: float = 0.0) -> torch.Tensor:
    return functional.threshold(x, threshold, value)


def glu(x: torch.Tensor, axis: int = -1) -> torch.Tensor:
    return functional.glu(x, axis)


def softplus(x: torch.Tensor, beta: float = 1.0, threshold: float | None = None) -> torch.Tensor:
    """Their shortcut for large x, moved to where it is exact to 1e-13: ours has none."""
    return functional.softplus(x, beta, 30 if threshold is None else threshold)


def hardtanh(x: torch.Tensor, min: float = -1.0, max: float = 1.0) -> torch.Tensor:
    return functional.hardtanh(x, min, max)


# ------------------------------------------------------------------------------------------ along axes


def norm(x: torch.Tensor, axes: Any, keepdim: bool, ord: float = 2) -> Any:
    return torch.linalg.vector_norm(x, ord, axes, keepdim)


def prod(x: torch.Tensor, axes: Any, keepdim: bool) -> torch.Tensor:
    """One axis at a time. Not of infinities: as ours divides by nothing, factor by factor there."""
    for axis in sorted([a % max(x.ndim, 1) for a in (axes if isinstance(axes, tuple) else (axes,))])[::-1]:
        if x.isfinite().all():
            x = torch.prod(x, axis, keepdim)
        else:
            product = reduce(mul, x.unbind(axis))
            x = product.unsqueeze(axis) if keepdim else product
    return x


def nanmean(x: torch.Tensor, axes: Any, keepdim: bool) -> torch.Tensor:
    """By definition: the gradient of theirs is NaN where everything is."""
    mean: torch.Tensor = torch.where(x.isnan(), 0, x).sum(axes, keepdim)
    return mean / (~x.isnan()).sum(axes, keepdim)


def ptp(x: torch.Tensor, axes: Any, keepdim: bool) -> torch.Tensor:
    return torch.amax(x, axes, keepdim) - torch.amin(x, axes, keepdim)


def average(x: torch.Tensor, weights: Any = None, axis: Any = None, keepdims: bool = False) -> torch.Tensor:
    """By definition, with weights of the named axes spread over the others."""
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if weights is None:
        return torch.mean(x, axes, keepdims)
    if weights.shape != x.shape:
        letters = "abcdefgh"[: x.ndim]
        named = "".join([letters[a] for a in axes])
        weights = torch.einsum(f"{letters},{named}->{letters}", torch.ones_like(x), weights)
    mean: torch.Tensor = (x * weights).sum(axes, keepdims) / weights.sum(axes, keepdims)
    return mean


def standardize(x: torch.Tensor, axis: Any = -1, eps: float = 1e-5) -> torch.Tensor:
    """By definition."""
    axes = tuple(range(x.ndim)) if axis is None else axis
    return (x - x.mean(axes, True)) / torch.sqrt(x.var(axes, correction=0, keepdim=True) + eps)


def median(x: torch.Tensor, axis: Any = None, keepdims: bool = False) -> torch.Tensor:
    """Ours is their quantile at one half, over one axis or all at once."""
    if not isinstance(axis, tuple):
        return torch.quantile(x, 0.5, axis, keepdim=keepdims)
    axes = [a % x.ndim for a in axis]
    order = [a for a in range(x.ndim) if a not in axes] + axes
    y = torch.quantile(x.permute(order).flatten(x.ndim - len(axes)), 0.5, -1)
    return y.reshape([1 if a in axes else n for a, n in enumerate(x.shape)]) if keepdims else y


def quantile(
    x: torch.Tensor, q: Any, axis: Any = None, keepdims: bool = False, method: str = "linear"
) -> torch.Tensor:
    """Theirs is over one axis or all at once, and wants q in the dtype of x."""
    q = torch.as_tensor(q, dtype=x.dtype)
    axes = (
        sorted(
            [
                a % x.ndim
                for a in (axis if isinstance(axis, tuple) else range(x.ndim) if axis is None else (axis,))
            ]
        )
        if x.ndim
        else []
    )
    order = [a for a in range(x.ndim) if a not in axes] + axes
    rows = x.permute(order).reshape([*[x.shape[a] for a in order[: x.ndim - len(axes)]], -1])
    y = torch.quantile(rows, q.reshape(-1), -1, interpolation=method)
    kept = [1 if a in axes else n for a, n in enumerate(x.shape) if keepdims or a not in axes]
    return y.reshape([*q.shape, *kept])


def percentile(x: torch.Tensor, q: Any, **attrs: Any) -> torch.Tensor:
    return quantile(x, torch.as_tensor(q, dtype=x.dtype) / 100, **attrs)


def interp(
    x: torch.Tensor,
    xp: torch.Tensor,
    fp: torch.Tensor,
    left: Any = None,
    right: Any = None,
    period: Any = None,
) -> torch.Tensor:
    """By definition: a sum over the pieces, each where x is on it."""
    if period is not None:
        x, xp = x.remainder(period), xp.remainder(period)
        order = torch.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp, fp = torch.cat([xp[-1:] - period, xp, xp[:1] + period]), torch.cat([fp[-1:], fp, fp[:1]])
    y = torch.where(x < xp[0], fp[0] if left is None else left, torch.where(x == x + 1, x, torch.nan))
    y = torch.where(x >= xp[-1], fp[-1], y)
    for i in range(len(xp) - 1):
        if xp[i] < xp[i + 1]:
            on = (x >= xp[i]) & (x < xp[i + 1])
            on = on | (x == xp[i + 1]) | x.isnan() if i == len(xp) - 2 else on
            inside = torch.where(on, x, xp[i])
            y = torch.where(on, fp[i] + (fp[i + 1] - fp[i]) * (inside - xp[i]) / (xp[i + 1] - xp[i]), y)
    y = torch.where(x > xp[-1], fp[-1] if right is None else right, y)
    return torch.where(x.isnan(), fp[0], y) if len(xp) == 1 else y


def diff(
    x: torch.Tensor, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None
) -> torch.Tensor:
    """Theirs takes no numbers at the ends, and gives zeros of integers where nothing is left."""
    edge = [1 if i == axis % x.ndim else m for i, m in enumerate(x.shape)]
    ends = [None if end is None else torch.full(edge, end, dtype=x.dtype) for end in (prepend, append)]
    return torch.diff(x, n, axis, *ends)


def diag(x: torch.Tensor, k: int = 0) -> torch.Tensor:
    return torch.diag(x, k)


def trapezoid(y: torch.Tensor, x: Any = None, dx: float = 1.0, axis: int = -1) -> torch.Tensor:
    return torch.trapezoid(y, dx=dx, dim=axis) if x is None else torch.trapezoid(y, x, dim=axis)


def count_nonzero(x: torch.Tensor, axes: Any, keepdim: bool) -> torch.Tensor:
    return torch.sum(x != 0, axes, keepdim=keepdim)


def argmax(x: torch.Tensor, axis: int | None = None, keepdims: bool = False) -> torch.Tensor:
    return torch.argmax(x, axis, keepdims)


def argmin(x: torch.Tensor, axis: int | None = None, keepdims: bool = False) -> torch.Tensor:
    return torch.argmin(x, axis, keepdims)


def in_order(x: torch.Tensor, axis: int, descending: bool) -> Any:
    return torch.sort(x, dim=axis, descending=descending, stable=True)


def sort(x: torch.Tensor, axis: int | None = -1, descending: bool = False) -> Any:
    return as_one_row(in_order)(x, axis, descending=descending).values


def argsort(x: torch.Tensor, axis: int | None = -1, descending: bool = False) -> Any:
    return as_one_row(in_order)(x, axis, descending=descending).indices


def topk(x: torch.Tensor, k: int, axis: int = -1, largest: bool = True) -> Any:
    """Theirs takes any of those that tie; ours the first."""
    if len(np.unique(x.numpy(force=True))) == x.numel():
        return torch.topk(x, k, axis, largest)
    values, indices = in_order(x, axis, largest)
    return values.narrow(axis, 0, k), indices.narrow(axis, 0, k)


# --------------------------------------------------------------------------------------------- shapes


def squeeze(x: torch.Tensor, axis: Any = None) -> torch.Tensor:
    return torch.squeeze(x) if axis is None else torch.squeeze(x, axis)


def expand_dims(x: torch.Tensor, axis: Any) -> torch.Tensor:
    """One axis after the other, in the places they have in the end."""
    axes = axis if isinstance(axis, tuple) else (axis,)
    for place in sorted([a % (x.ndim + len(axes)) for a in axes]):
        x = x.unsqueeze(place)
    return x


def transpose(x: torch.Tensor, *axes: Any) -> torch.Tensor:
    if len(axes) == 2:
        return x.transpose(*axes)
    return x.permute(axes or tuple(reversed(range(x.ndim))))


def flip(x: torch.Tensor, axis: Any = None) -> torch.Tensor:
    axes = tuple(range(x.ndim)) if axis is None else axis
    return torch.flip(x, axes if isinstance(axes, tuple) else (axes,))


def repeat(x: torch.Tensor, repeats: Any, axis: int | None = None) -> torch.Tensor:
    return torch.repeat_interleave(x, torch.as_tensor(repeats) if is_array(repeats) else repeats, axis)


def tile(x: torch.Tensor, reps: Any) -> torch.Tensor:
    return torch.tile(x, reps if isinstance(reps, tuple) else (reps,))


def pad(x: torch.Tensor, pad_width: Any, mode: str = "constant", constant_values: float = 0) -> torch.Tensor:
    """Theirs wants the last axis first, and batches; "symmetric" is one more element, reflected."""
    widths = np.broadcast_to(pad_width, (x.ndim, 2))
    if mode == "symmetric":
        for axis, (before, after) in enumerate(widths.tolist()):
            n, back = x.shape[axis], x.flip(axis)
            x = torch.cat([back.narrow(axis, n - before, before), x, back.narrow(axis, 0, after)], axis)
        return x
    flat = widths[::-1].reshape(-1).tolist()
    if mode == "constant":
        return functional.pad(x, flat, value=constant_values)
    other = {"edge": "replicate", "wrap": "circular"}.get(mode, mode)
    return functional.pad(x[None, None], flat, other)[0, 0]


def concatenate(arrays: Any, axis: int | None) -> torch.Tensor:
    return torch.cat([x.reshape(-1) for x in arrays], 0) if axis is None else torch.cat(arrays, axis)


def meshgrid(*arrays: torch.Tensor, indexing: str = "xy") -> Any:
    return torch.meshgrid(*arrays, indexing=indexing)


def astype(x: torch.Tensor, dtype: str) -> torch.Tensor:
    return x.to(getattr(torch, dtype))


# ------------------------------------------------------------------------------------------- indexing


def as_key(key: Any) -> Any:
    """Lists and arrays as tensors."""
    parts = key if isinstance(key, tuple) else (key,)
    return tuple([torch.as_tensor(part) if isinstance(part, list | np.ndarray) else part for part in parts])


def index(x: torch.Tensor, key: Any) -> torch.Tensor:
    """PyTorch refuses negative steps: such an axis is flipped and walked forwards."""
    parts = list(key) if isinstance(key, tuple) else [key]
    for axis, part in enumerate(parts):
        if isinstance(part, slice) and (part.step or 1) < 0:
            visited = range(*part.indices(x.shape[axis]))[::-1]
            x = x[(slice(None),) * axis + (slice(visited.start, visited.stop, visited.step),)].flip(axis)
            parts[axis] = slice(None)
    return x[as_key(tuple(parts))]


def scatter(x: torch.Tensor, key: Any, shape: Shape) -> torch.Tensor:
    """By definition: the gradient of indexing."""
    zeros = torch.zeros(shape, dtype=x.dtype, requires_grad=True)
    (y,) = torch.autograd.grad(index(zeros, key), zeros, x, create_graph=True)
    return y


def scatter_add(x: torch.Tensor, axis: int, index: torch.Tensor, src: torch.Tensor) -> torch.Tensor:
    """Theirs has no gradient where src is larger than the index, and leaves a part of it out."""
    return torch.scatter_add(x, axis, index, src[tuple([slice(n) for n in index.shape])])


def take(x: torch.Tensor, indices: Any, axis: int | None = None) -> torch.Tensor:
    if axis is None:
        return torch.take(x, torch.as_tensor(indices))
    key: tuple[Any, ...] = (*(slice(None),) * (axis % x.ndim), torch.as_tensor(indices))
    return x[key]


def take_along_axis(x: torch.Tensor, indices: Any, axis: int | None = -1) -> torch.Tensor:
    return torch.take_along_dim(x, torch.as_tensor(indices), axis)


def split(x: torch.Tensor, indices_or_sections: Any, axis: int = 0, dim: int | None = None) -> Any:
    if dim is not None:
        return torch.split(
            x, indices_or_sections if type(indices_or_sections) is int else [*indices_or_sections], dim
        )
    return torch.tensor_split(x, indices_or_sections, axis)


# --------------------------------------------------------------------------------------- linear algebra


def dot(x: torch.Tensor, y: torch.Tensor) -> Any:
    """NumPy's: over the last axis of x and the last but one of y."""
    if not (x.ndim and y.ndim):
        return x * y
    return torch.tensordot(x, y, ([-1], [-2])) if y.ndim > 1 else x @ y


def cross(
    x: torch.Tensor, y: torch.Tensor, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None
) -> torch.Tensor:
    of_x, of_y, of_z = (axisa, axisb, axisc) if axis is None else (axis, axis, axis)
    x, y = x.movedim(of_x, -1), y.movedim(of_y, -1)
    zeros = torch.zeros_like(x + y)  # theirs wants as many axes of both
    z: torch.Tensor = torch.linalg.cross(x + zeros, y + zeros)
    return z.movedim(-1, of_z)


def tensordot(x: torch.Tensor, y: torch.Tensor, axes: Any = 2) -> Any:
    if isinstance(axes, int):
        return torch.tensordot(x, y, axes)
    return torch.tensordot(x, y, [[a] if isinstance(a, int) else list(a) for a in axes])


def trace(x: torch.Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> torch.Tensor:
    return torch.diagonal(x, offset, axis1, axis2).sum(-1)


def det(x: torch.Tensor) -> Any:
    """By definition where a matrix is singular: there theirs has gradient 0 instead of the cofactors."""
    n = x.shape[-1]
    if n == 0 or torch.all(torch.linalg.matrix_rank(x.detach()) == n):
        return torch.linalg.det(x)
    terms = [
        torch.det(torch.eye(n)[list(order)]) * math.prod([x[..., i, j] for i, j in enumerate(order)])
        for order in permutations(range(n))
    ]
    return sum(terms[1:], terms[0])


# ------------------------------------------------------------------------------------ windows and losses


def windows(x: torch.Tensor, size: int, axis: int = -1, stride: int = 1, dilation: int = 1) -> Any:
    """Tensor.unfold of wider windows, of which every dilation-th element counts."""
    wide = x.unfold(axis, (size - 1) * dilation + 1, stride)[..., ::dilation]
    return wide.movedim(-1, axis % x.ndim + 1)


def fold(x: torch.Tensor, length: int, axis: int = -1, stride: int = 1, dilation: int = 1) -> Any:
    """Every element added at its place."""
    axis %= x.ndim - 1
    count, size = x.shape[axis : axis + 2]
    places = torch.arange(count)[:, None] * stride + torch.arange(size) * dilation
    empty = torch.zeros(*x.shape[:axis], length, *x.shape[axis + 2 :], dtype=x.dtype)
    return empty.index_add(axis, places.flatten(), x.flatten(axis, axis + 1))


def binary_cross_entropy(x: torch.Tensor, target: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
    """By definition: their gradient of the gradient is rounded, and that of the target held nowhere."""
    losses = -target * x.log().clamp_min(-100) - (1 - target) * (-x).log1p().clamp_min(-100)
    return losses if reduction == "none" else getattr(losses, reduction)()


def hinge_loss(x: torch.Tensor, target: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
    losses = torch.relu(1 - target * x)
    return losses if reduction == "none" else getattr(losses, reduction)()
