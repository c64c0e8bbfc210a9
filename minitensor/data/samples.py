"""Data sets as arrays (x, y), and their split. scikit-learn is imported only when one is asked for."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minitensor.data.datasets import same_length
from minitensor.errors import OptionError
from minitensor.random import generator

Floats: TypeAlias = NDArray[np.float32]
Integers: TypeAlias = NDArray[np.int64]


class Samples(NamedTuple):
    """Arrays to train on, and a test part if the data come with one.

    Attributes:
        x: One row for each sample, of shape (n, features); uint8 where they are pixels, else float32.
        y: The label of each row, int64 of shape (n,), from 0.
        x_test: The rows of the test part, or None.
        y_test: Its labels, or None.
    """

    x: NDArray[Any]
    y: Integers
    x_test: NDArray[Any] | None = None
    y_test: Integers | None = None


def load_digits() -> tuple[Floats, Integers]:
    """The 1,797 handwritten digits of 8×8 pixels that scikit-learn ships.

    Returns:
        x: Pixels from 0 to 1, float32 of shape (1797, 64).
        y: The digit, int64 of shape (1797,).

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI (1998), its test part.

    >>> x, y = load_digits()
    >>> x.shape, y.shape
    ((1797, 64), (1797,))
    """
    from sklearn import datasets

    x, y = datasets.load_digits(return_X_y=True)
    return (x / 16).astype(np.float32), y.astype(np.int64)


def make_moons(
    n_samples: int = 100, noise: float = 0.1, rng: np.random.Generator | int | None = None
) -> tuple[Floats, Integers]:
    """Two interleaved half circles in the plane, scikit-learn's `make_moons`.

    Args:
        n_samples: How many points, half of them in each class.
        noise: The standard deviation of the noise added to the points.
        rng: A generator or seed.

    Returns:
        x: float32 of shape (n_samples, 2).
        y: 0 or 1, int64 of shape (n_samples,).

    >>> x, y = make_moons(10, rng=0)
    >>> x.shape, int(y.sum())
    ((10, 2), 5)
    """
    from sklearn import datasets

    seed = int(generator(rng).integers(2**32))
    x, y = datasets.make_moons(n_samples, noise=noise, random_state=seed)
    return x.astype(np.float32), y.astype(np.int64)


def train_test_split(
    *arrays: ArrayLike, test_size: float = 0.25, rng: np.random.Generator | int | None = None
) -> tuple[NDArray[Any], ...]:
    """Shuffle the rows of arrays together and cut them in two, by scikit-learn's function of this name.

    Args:
        arrays: Arrays with the same number of rows.
        test_size: The fraction of rows in the second part, rounded up; or an integer, their number.
        rng: A generator or seed.

    Returns:
        For each array its training rows and its test rows.

    Raises:
        ShapeError: If the numbers of rows differ.
        OptionError: If one of the parts would be empty.

    >>> x_train, x_test, y_train, y_test = train_test_split(np.eye(4), np.arange(4), rng=0)
    >>> len(x_train), len(y_test)
    (3, 1)
    """
    from sklearn import model_selection

    columns = tuple([np.asarray(array) for array in arrays])
    n = same_length("train_test_split", columns)
    order = generator(rng).permutation(n)  # scikit-learn knows NumPy's older generators alone
    size = test_size if isinstance(test_size, int | np.integer) else float(test_size)  # also of a float32
    try:  # it cuts the test part off the end, and ours is the beginning of the order
        parts = model_selection.train_test_split(order[::-1], test_size=size, shuffle=False)
    except ValueError as error:
        raise OptionError(
            f"train_test_split: test_size={test_size} of {n} rows leaves one part empty"
        ) from error
    return tuple(array[part[::-1]] for array in columns for part in parts)
