"""Large arrays from shared arenas: none overlaps another, whatever their order in memory."""

from __future__ import annotations

from itertools import pairwise
from threading import Thread
from typing import Any

import numpy as np
import pytest

from minitensor import memory


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (0, 5), (3,), (300, 400), (400, 300, 2), (3000, 1000)])
def test_arrays_are_like_the_one_given(shape: tuple[int, ...], dtype: Any) -> None:
    for like in (np.ones(shape, dtype), np.ones(shape, dtype).T, np.ones((2, *shape), dtype)[::2][0]):
        for made in (memory.empty_like(like), memory.zeros_like(like)):
            assert (made.shape, made.dtype) == (like.shape, like.dtype)
            assert made.strides == np.empty_like(like).strides
            assert made.flags.writeable
            assert made.ctypes.data % made.itemsize == 0
        assert not memory.zeros_like(like).any()


def test_no_two_overlap_not_even_from_threads() -> None:
    made: list[Any] = []

    def make(number: int) -> None:
        rng = np.random.default_rng(number)
        for _ in range(200):
            array = memory.empty_like(np.empty(rng.integers(1 << 14, 1 << 17), np.float32))
            array[...] = number
            made.append((number, array))

    threads = [Thread(target=make, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 800
    for number, array in made:
        assert array.min() == array.max() == number
    spans = sorted((array.ctypes.data, array.ctypes.data + array.nbytes) for _, array in made)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
