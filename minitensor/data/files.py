"""placeholder"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Dataset(NamedTuple):
    x: NDArray[Any]
    y: NDArray[Any]
    x_test: NDArray[Any] | None
    y_test: NDArray[Any] | None


def load_file(path: str) -> Dataset:
    with np.load(path) as f:
        return Dataset(f["x"], f["y"].astype(np.int64), None, None)


def load_rows(source: Any, features: int) -> NDArray[Any]:
    return np.loadtxt(source, delimiter=",", ndmin=2, dtype=np.float32)


load_mnist = load_fashion_mnist = lambda: Dataset(*[np.zeros((1, 1))] * 4)


def scale_pixels(x: NDArray[Any]) -> NDArray[Any]:
    return np.multiply(x, np.float32(1 / 255), dtype=np.float32) if x.dtype == np.uint8 else x
