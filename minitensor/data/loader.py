"""DataLoader: mini-batches of arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minitensor.data.datasets import same_length
from minitensor.errors import DTypeError, OptionError
from minitensor.random import generator


class DataLoader:
    """Iterate over arrays in mini-batches; every iteration is one epoch, in a new order if shuffled.

    A shuffled batch is gathered by one indexing operation, an unshuffled one is a view: no loop over samples.

    Args:
        arrays: Arrays with the same number of rows; each batch is a tuple of as many arrays.
        batch_size: How many rows a batch has. The last one may be shorter.
        shuffle: Whether to shuffle the rows anew for every epoch.
        drop_last: Whether to leave out a last batch that is shorter.
        rng: A generator or seed for shuffling.
        transform: What to make of the first array of each batch, such as scale_pixels.

    Raises:
        ShapeError: If the numbers of rows differ.
        OptionError: If batch_size is not a positive integer.

    >>> x, y = np.arange(10).reshape(5, 2), np.arange(5)
    >>> [len(yb) for xb, yb in DataLoader(x, y, batch_size=2)]
    [2, 2, 1]
    """

    def __init__(
        self,
        *arrays: ArrayLike,
        batch_size: int = 32,
        shuffle: bool = False,
        drop_last: bool = False,
        rng: np.random.Generator | int | None = None,
        transform: Callable[[NDArray[Any]], Any] | None = None,
    ) -> None:
        if len(arrays) == 1 and isinstance(arrays[0], tuple):
            raise DTypeError("DataLoader: takes arrays, not a tuple of them. Write DataLoader(*data).")
        self.arrays = tuple([np.asarray(array) for array in arrays])
        self.rows = same_length("DataLoader", self.arrays)
        if not isinstance(batch_size, int | np.integer) or batch_size < 1:
            raise OptionError(f"DataLoader: batch_size must be an integer of at least 1, not {batch_size!r}")
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.rng = None if rng is None else generator(rng)
        self.transform = transform

    def __len__(self) -> int:
        """How many batches an epoch has."""
        return self.rows // self.batch_size if self.drop_last else -(-self.rows // self.batch_size)

    def __iter__(self) -> Iterator[tuple[NDArray[Any], ...]]:
        for x, *rest in self._batches():
            yield (x if self.transform is None else self.transform(x), *rest)

    def _batches(self) -> Iterator[tuple[NDArray[Any], ...]]:
        order = generator(self.rng).permutation(self.rows) if self.shuffle else None
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            batch = slice(start, start + self.batch_size)
            if order is None:
                yield tuple(array[batch] for array in self.arrays)
            else:
                yield tuple(array[order[batch]] for array in self.arrays)
