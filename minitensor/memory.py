"""Memory for what lives as long as a model: large arrays side by side in huge pages.

The processor finds a page of 4 KiB through a table that has room for a few MB. The weights of a network for
MNIST, their velocities and gradients are more, and much of an optimizer's step goes into looking pages up.
Linux gives pages of 2 MiB to whoever asks, and NumPy asks for arrays of 4 MiB or more: so smaller ones are
cut from such pages here. These are no array, so that views of what is cut from them tell what they view.
"""

from __future__ import annotations

import mmap
import sys
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_SMALL, _LARGE = 1 << 16, 1 << 22  # bytes: below, it makes no difference; above, NumPy asks itself
_ARENA = 1 << 23  # bytes
_CACHE_LINE = 64  # bytes

_lock = Lock()
_rest = memoryview(b"")  # of the newest arena; each lives as long as an array that was cut from it


def empty_like(array: Array) -> Array:
    """An array of the same shape, dtype and order in memory, not initialised.

    >>> empty_like(np.zeros((512, 128)).T).flags.f_contiguous
    True
    """
    if not _SMALL <= array.nbytes < _LARGE:
        return np.empty_like(array)
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    return np.ndarray(array.shape, array.dtype, _cut(array.nbytes), order="F" if fortran else "C")


def zeros_like(array: Array) -> Array:
    """The same, filled with zeros."""
    zeros = empty_like(array)
    zeros[...] = 0
    return zeros


def _pages(size: int) -> mmap.mmap | bytearray:
    if sys.platform != "linux":
        return bytearray(size)
    pages = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    pages.madvise(mmap.MADV_HUGEPAGE)
    return pages


def _cut(size: int) -> memoryview:
    global _rest
    whole = -(-size // _CACHE_LINE) * _CACHE_LINE
    with _lock:
        if len(_rest) < whole:
            _rest = memoryview(_pages(_ARENA))
        taken, _rest = _rest[:size], _rest[whole:]
    return taken


def empty(nbytes: int) -> Array:
    """So many bytes, not initialised, from the start of a cache line."""
    if nbytes < _LARGE:
        return np.ndarray(nbytes, np.uint8, _cut(nbytes))
    whole = np.empty(nbytes + _CACHE_LINE, np.uint8)
    start = -whole.ctypes.data % _CACHE_LINE
    return whole[start : start + nbytes]
