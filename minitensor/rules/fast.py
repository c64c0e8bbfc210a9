"""Bit tricks and BLAS: the same numbers as the plain formula in each docstring, in less time.

Rules call these by name, so that their mathematics stays readable. On nodes each does what it says plainly.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minitensor.ndarrays import is_array
from minitensor.rules.notation import Array, Number

_OF_BLAS = (np.dtype(np.float32), np.dtype(np.float64))
_ndarray = np.ndarray
_ONE = np.array(1, np.int8)  # as an array it takes less time than as a number
_SAME_SIZE = {np.dtype(f): np.dtype(i) for f, i in [("f2", "i2"), ("f4", "i4"), ("f8", "i8")]}


def masked(x: Number, mask: Any) -> Number:
    """np.where(mask, 0, x), as x AND 000…0 or 111…1.

    On a random mask np.where takes ten times as long: its branches mispredict.
    """
    if type(x) is float and isinstance(mask, bool):
        return 0.0 if mask else x
    arrays = (
        type(x) is type(mask) is _ndarray or (is_array(x) and is_array(mask))
    ) and mask.dtype == np.bool_
    integer = _SAME_SIZE.get(x.dtype) if arrays else None
    if integer is None:
        return np.where(mask, x.dtype.type(0) if is_array(x) else 0.0, x)
    return (x.view(integer) & (mask.view(np.int8) - _ONE)).view(x.dtype)


def sum_rows(x: Array) -> Any:
    """np.add.reduce(x, axis=0), of matrices as a product with a vector of ones, in half the time."""
    if is_array(x) and x.ndim == 2 and x.dtype in _OF_BLAS:
        return np.dot(_ones(x.shape[0], x.dtype), x)
    return np.add.reduce(x, axis=0)


@lru_cache(maxsize=64)
def _ones(n: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    return np.ones(n, dtype)


def product(x: Array, y: Array) -> Array:
    """x @ y; for two matrices through dot, which starts 1 µs sooner: small networks notice.

    Not for a factor of one element: dot takes it for a number, and 0 times NaN for 0.
    """
    arrays = type(x) is type(y) is _ndarray or (is_array(x) and is_array(y))  # the first asks faster
    if arrays and x.ndim == 2 and y.ndim == 2 and x.size > 1 and y.size > 1:
        return x.dot(y)
    return x @ y
