"""Operations off the graph: comparisons, logic, counting, and where something stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minitensor.core.rule import composite, rule
from minitensor.rules.axes import along, reduced
from minitensor.rules.notation import Array, Axis, Number


def _of_one(ufunc: np.ufunc) -> Callable[..., Any]:
    """Register a NumPy function of one argument whose result never requires grad."""

    def compute(x: Number) -> tuple[Any]:
        return (ufunc(x),)

    return _named(ufunc, compute)


def _of_two(ufunc: np.ufunc) -> Callable[..., Any]:
    """Register a NumPy function of two arguments whose result never requires grad."""

    def compute(x: Number, y: Number) -> tuple[Any]:
        return (ufunc(x, y),)

    return _named(ufunc, compute)


def _named(ufunc: np.ufunc, compute: Callable[..., tuple[Any]]) -> Callable[..., Any]:
    compute.__name__ = ufunc.__name__
    compute.__doc__ = f"numpy.{ufunc.__name__}, elementwise."
    return rule(compute)


equal = _of_two(np.equal)
not_equal = _of_two(np.not_equal)
less = _of_two(np.less)
less_equal = _of_two(np.less_equal)
greater = _of_two(np.greater)
greater_equal = _of_two(np.greater_equal)
logical_and = _of_two(np.logical_and)
logical_or = _of_two(np.logical_or)
logical_xor = _of_two(np.logical_xor)
logical_not = _of_one(np.logical_not)
isnan = _of_one(np.isnan)
isinf = _of_one(np.isinf)
isfinite = _of_one(np.isfinite)


@rule(arrays=True)
def bitwise_and(x: Array, y: Array) -> tuple[Any]:
    """x & y: of booleans, whether both hold."""
    return (np.bitwise_and(x, y),)


@rule(arrays=True)
def bitwise_or(x: Array, y: Array) -> tuple[Any]:
    """x | y: of booleans, whether one holds."""
    return (np.bitwise_or(x, y),)


@rule(arrays=True)
def bitwise_xor(x: Array, y: Array) -> tuple[Any]:
    """x ^ y: of booleans, whether just one holds."""
    return (np.bitwise_xor(x, y),)


@rule(arrays=True)
def invert(x: Array) -> tuple[Any]:
    """~x: of booleans, whether it does not hold."""
    return (np.invert(x),)


@rule(arrays=True)
def any(x: Array, axis: Axis = None, keepdims: bool = False) -> tuple[Any]:
    """Whether some element over the axes is not 0."""
    return (np.any(x, axis=reduced("any", axis, x.shape), keepdims=keepdims),)


@rule(arrays=True)
def all(x: Array, axis: Axis = None, keepdims: bool = False) -> tuple[Any]:
    """Whether no element over the axes is 0."""
    return (np.all(x, axis=reduced("all", axis, x.shape), keepdims=keepdims),)


@rule(arrays=True)
def count_nonzero(x: Array, axis: Axis = None, keepdims: bool = False) -> tuple[Any]:
    """How many elements over the axes are not 0."""
    return (np.count_nonzero(x, axis=reduced("count_nonzero", axis, x.shape), keepdims=keepdims),)


@rule
def isclose(
    x: Number, y: Number, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> tuple[Any]:
    """Whether |x − y| ≤ atol + rtol |y|, elementwise."""
    return (np.isclose(x, y, rtol, atol, equal_nan),)


@composite(arrays=True)
def allclose(x: Array, y: Array, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all elements are close, as a bool."""
    return bool(all(isclose(x, y, rtol, atol, equal_nan)))


@composite(arrays=True)
def array_equal(x: Array, y: Array, equal_nan: bool = False) -> bool:
    """Whether shapes and all elements are equal, as a bool; with equal_nan, NaN equals NaN."""
    if np.shape(x) != np.shape(y):
        return False
    return bool(all(isclose(x, y, 0, 0, True) if equal_nan else equal(x, y)))


@rule(arrays=True)
def argmax(x: Array, axis: int | None = None, keepdims: bool = False) -> tuple[Any]:
    """Where the largest element is: the first one where several tie."""
    return (x.argmax(axis=along("argmax", axis, x.shape), keepdims=keepdims),)


@rule(arrays=True)
def argmin(x: Array, axis: int | None = None, keepdims: bool = False) -> tuple[Any]:
    """Where the smallest element is: the first one where several tie."""
    return (x.argmin(axis=along("argmin", axis, x.shape), keepdims=keepdims),)


@rule(arrays=True)
def argsort(x: Array, axis: int | None = -1, *, descending: bool = False) -> tuple[Any]:
    """The indices that sort x along an axis, NaN last (first if descending); equal ones keep their order."""
    axis = along("argsort", axis, x.shape)
    if not x.ndim:
        return (np.zeros((), np.intp),)
    if not descending:
        return (np.argsort(x, axis, kind="stable"),)
    if axis is None:
        x, axis = x.reshape(-1), 0
    return (x.shape[axis] - 1 - np.flip(np.argsort(np.flip(x, axis), axis, kind="stable"), axis),)


@composite(arrays=True)
def shape(x: Array) -> tuple[int, ...]:
    """The length of each axis."""
    return tuple(x.shape)


@composite(arrays=True)
def ndim(x: Array) -> int:
    """How many axes there are."""
    return len(x.shape)


@composite(arrays=True)
def size(x: Array) -> int:
    """How many elements there are."""
    return int(x.size)
