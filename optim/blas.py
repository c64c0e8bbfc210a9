"""y ← a·x + b·y in one pass over memory, by the library that multiplies NumPy's matrices.

NumPy takes three passes for it, and an array for a·x. What an optimizer works on is more than a cache holds:
each pass waits for memory, and passes are what its step costs. BLAS has had such routines since its first
level, and OpenBLAS, which comes with NumPy, shares `axpy` among all cores. NumPy only lacks a function for
it: so large arrays are given to it by their addresses. Small ones are left to NumPy, and so are all where it
has another BLAS.

BLAS may round a·x + y once where NumPy rounds twice: the two can differ in the last bit.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LARGE = 1 << 14
"""Elements from which a call of BLAS costs less than it saves."""
_PIECE = 1 << 15  # elements: few enough for a cache to keep them from one of NumPy's passes to the next
_NUMBERS = {np.dtype(np.float32): ("s", ctypes.c_float), np.dtype(np.float64): ("d", ctypes.c_double)}


def axpy(a: float, x: Array, y: Array) -> Array:
    """Add a·x to y, in place.

    >>> axpy(-0.5, np.array([2.0, 4.0]), np.array([1.0, 1.0]))
    array([ 0., -1.])
    """
    if y.size < LARGE:
        y += factor(a, y.dtype) * x
        return y
    return axpby(a, x, 1, y)


def axpby(a: float, x: Array, b: float, y: Array) -> Array:
    """Multiply y by b and add a·x to it, in place.

    >>> axpby(1.0, np.array([2.0, 4.0]), 0.5, np.array([1.0, 1.0]))
    array([2.5, 4.5])
    """
    if y.size < LARGE or not (a and b and y.flags.forc and y.flags.behaved):
        return _by_numpy(a, x, b, y)  # also a factor of 0, of which BLAS makes 0 even with NaN
    x = _laid_out_as(y, x)
    scale = () if b == 1 else (float(b),)
    routine = _routine("axpby" if scale else "axpy", y.dtype)
    if routine is not None:
        routine(y.size, float(a), _address(x), 1, *scale, _address(y), 1)
    else:
        x, parts = x.ravel("K"), y.ravel("K")
        for start in range(0, y.size, _PIECE):
            _by_numpy(a, x[start : start + _PIECE], b, parts[start : start + _PIECE])
    return y


def _by_numpy(a: float, x: Array, b: float, y: Array) -> Array:
    y *= factor(b, y.dtype)
    y += x if a == 1 else factor(a, y.dtype) * x
    return y


def _laid_out_as(y: Array, x: Array) -> Array:
    """x with the shape and dtype of y, its elements in the same order in memory."""
    if x.strides == y.strides and x.shape == y.shape and x.dtype == y.dtype and x.flags.behaved:
        return x
    copy = np.empty_like(y)
    copy[...] = x
    return copy


def _address(x: Array) -> int:
    """x.ctypes.data, in a quarter of the time."""
    buffer: Any = x if x.flags.c_contiguous else x.T
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


@cache
def _routine(name: str, dtype: np.dtype[Any]) -> Callable[..., None] | None:
    """The routine for a dtype, if NumPy has come with OpenBLAS."""
    if dtype not in _NUMBERS:
        return None
    letter, number_type = _NUMBERS[dtype]
    try:  # what NumPy's own module was linked with can be found through it, but not on Windows
        library = ctypes.CDLL(np._core._multiarray_umath.__file__)  # type: ignore[attr-defined]
        routine: Any = library[f"scipy_cblas_{letter}{name}64_"]
    except (AttributeError, OSError):
        return None
    vector = (ctypes.c_void_p, ctypes.c_int64)  # its address, and the distance of its elements
    scale = (number_type,) if name == "axpby" else ()
    routine.argtypes, routine.restype = (ctypes.c_int64, number_type, *vector, *scale, *vector), None
    return routine


@lru_cache(maxsize=256)
def factor(value: float, dtype: np.dtype[Any]) -> Array:
    """A factor as a 0-d array of the arrays' dtype: NumPy takes it in half the time of a Python float."""
    return np.array(value, dtype)
