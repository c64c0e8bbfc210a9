"""DataLoader: mini-batches of a dataset, or of arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypedDict, TypeVar, Unpack

import numpy as np

from minitensor.core.tensor import TensorLike
from minitensor.data.collation import Names, collate
from minitensor.data.datasets import (
    AnyDataset,
    Columns,
    Dataset,
    Indices,
    IterableDataset,
    Seed,
    check_dataset,
    columns_of,
    generator_of,
    items_at,
    size_of,
)
from minitensor.errors import DTypeError, OptionError
from minitensor.random import generator as seeded

T = TypeVar("T")
_BY_KIND: Any = object()
_NUMBERS = (bool, int, float, np.number)


class Workers(TypedDict, total=False):
    """Arguments of PyTorch's DataLoader that change no batch, and here nothing."""

    num_workers: int
    pin_memory: bool
    pin_memory_device: str
    persistent_workers: bool
    prefetch_factor: int | None
    timeout: float
    worker_init_fn: Callable[[int], None] | None
    multiprocessing_context: object
    in_order: bool


class DataLoader:
    """Iterate over data in mini-batches; every iteration is one epoch, in a new order if shuffled.

    - `DataLoader(x, y, batch_size=64)`, over arrays: each batch is a tuple of as many arrays. A shuffled one
      is gathered by one indexing operation, another is a view: no loop over samples.
    - `DataLoader(dataset, batch_size=64)`, over a dataset, which may be a list: the items of a batch are
      fetched, and by default_collate become tensors, as in PyTorch. Of a TensorDataset, and of Subset,
      ConcatDataset and random_split of one, they are gathered as arrays are.

    `num_workers`, `pin_memory` and their like are accepted, and do nothing: another process would have to
    copy a batch over here, which is as much work as gathering it, and threads would wait for each other, as
    one at a time runs Python code such as a `__getitem__`.

    Args:
        data: A dataset, and perhaps batch_size and shuffle after it; or arrays with the same number of rows.
        batch_size: How many items a batch has; if it is not given, 32 of arrays, and as in PyTorch 1 of a
            dataset. The last batch may be shorter.
        shuffle: Whether to shuffle the items anew for every epoch.
        drop_last: Whether to leave out a last batch that is shorter.
        rng: A generator or seed for shuffling.
        generator: PyTorch's name for rng.
        transform: What to make of the first array of each batch, such as scale_pixels; of the whole batch
            where it is no tuple or list.
        sampler: Yields the indices of the items, in place of shuffle.
        batch_sampler: Yields the indices of each batch, in place of batch_size, shuffle and drop_last.
        collate_fn: Makes a batch of a list of items, in place of default_collate.

    Attributes:
        dataset: The dataset; of arrays, one of tuples of their rows.

    Raises:
        ShapeError: If the numbers of rows differ; in an epoch, if items do that are to be stacked.
        OptionError: If batch_size is not a positive integer, or arguments exclude each other.
        DTypeError: If the data are none of this.

    >>> x, y = np.arange(10).reshape(5, 2), np.arange(5)
    >>> [len(yb) for xb, yb in DataLoader(x, y, batch_size=2)]
    [2, 2, 1]
    >>> next(iter(DataLoader([("a", 1.5), ("b", 2.5)], batch_size=2)))
    [('a', 'b'), Tensor([1.5, 2.5], dtype=float64)]
    """

    def __init__(
        self,
        *data: TensorLike | AnyDataset,
        batch_size: int = _BY_KIND,
        shuffle: bool = False,
        drop_last: bool = False,
        rng: Seed | None = None,
        generator: Seed | None = None,
        transform: Callable[[Any], Any] | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Sequence[Any]] | None = None,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        **workers: Unpack[Workers],
    ) -> None:
        unknown = workers.keys() - Workers.__annotations__.keys()
        if unknown:
            raise DTypeError(f"DataLoader: has no argument {', '.join(sorted(unknown))}")
        self.dataset: Any
        columns: Any = data
        if _are_arrays(data):
            self.dataset, default = Columns(*columns_of("DataLoader", columns)), 32
        else:
            self.dataset, default = data[0], 1
            batch_size, shuffle = _positional(data[1:], batch_size, shuffle)
        if not isinstance(self.dataset, IterableDataset):
            check_dataset("DataLoader", self.dataset)
            if sampler is None and batch_sampler is None:
                size_of("DataLoader", self.dataset)
        orders = {
            "sampler": sampler is not None,
            "batch_sampler": batch_sampler is not None,
            "shuffle": shuffle,
            "batch_size": batch_sampler is not None and batch_size is not _BY_KIND,
            "drop_last": batch_sampler is not None and drop_last,
        }
        _check_kinds({"sampler": sampler, "batch_sampler": batch_sampler}, "__iter__", "an iterable")
        _check_kinds({"collate_fn": collate_fn, "transform": transform}, "__call__", "a function")
        _check_one_order([name for name, given in orders.items() if given], self.dataset)
        batch_size = default if batch_size is _BY_KIND else batch_size
        if not isinstance(batch_size, int | np.integer) or batch_size < 1:
            raise OptionError(f"DataLoader: batch_size must be an integer of at least 1, not {batch_size!r}")
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.rng = generator_of("DataLoader", rng, generator)
        self.transform = transform
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.collate_fn = collate_fn

    def __len__(self) -> int:
        """How many batches an epoch has.

        Raises:
            DTypeError: If nothing says how many, as of a stream or a sampler without a length.
        """
        if self.batch_sampler is not None:
            return _length(self.batch_sampler)
        return self._batches_of(_length(self.dataset if self.sampler is None else self.sampler))

    def _batches_of(self, items: int) -> int:
        return items // self.batch_size if self.drop_last else -(-items // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        for items, indices in self._fetched():
            batch: Any
            if self.collate_fn is not None:
                batch = self.collate_fn(list(items))
            elif type(self.dataset) is Columns:
                batch = items.columns
            else:
                batch = collate(items, Names("dataset", indices))
            yield batch if self.transform is None else self._transformed(batch)

    def _transformed(self, batch: Any) -> Any:
        assert self.transform is not None
        if type(batch) not in (tuple, list):
            return self.transform(batch)
        return type(batch)([self.transform(batch[0]), *batch[1:]])

    def _fetched(self) -> Iterator[tuple[Any, Any]]:
        """The items of each batch, and their indices."""
        if isinstance(self.dataset, IterableDataset):
            start = 0
            for items in self._cut(self.dataset):
                yield items, range(start, start + len(items))
                start += len(items)
        else:
            for indices in self._indices():
                yield items_at(self.dataset, indices), indices

    def _indices(self) -> Iterator[Indices]:
        if self.batch_sampler is not None:
            yield from map(_as_batch, self.batch_sampler)
        elif self.sampler is not None:
            yield from self._cut(self.sampler)
        else:
            rows = len(self.dataset)
            order = seeded(self.rng).permutation(rows) if self.shuffle else range(rows)
            for start in range(0, self._batches_of(rows) * self.batch_size, self.batch_size):
                yield order[start : start + self.batch_size]

    def _cut(self, source: Iterable[T]) -> Iterator[list[T]]:
        iterator = iter(source)
        while part := list(islice(iterator, self.batch_size)):
            if len(part) == self.batch_size or not self.drop_last:
                yield part


def _are_arrays(data: tuple[Any, ...]) -> bool:
    """Whether a loader was given arrays, and no dataset.

    Raises:
        DTypeError: If it was given a tuple of arrays, or arrays and then numbers.
    """
    if not data:
        raise DTypeError("DataLoader: needs a dataset, or arrays")
    first, *rest = data
    numbers = [x for x in rest if isinstance(x, _NUMBERS)]
    columns = [x for x in rest if not isinstance(x, _NUMBERS)]
    if isinstance(first, tuple) and not columns:
        parts = [f"data.{name}" for name in getattr(first, "_fields", ())[:2]]  # of load_file's, say
        write = f"DataLoader({', '.join(parts) or '*data'})"
        raise DTypeError(f"DataLoader: takes arrays, not a tuple of them. Write {write}.")
    is_array = hasattr(first, "__array__") and not isinstance(first, Dataset | type)
    if not is_array and not (columns and isinstance(first, list | tuple)):
        return False
    if numbers:
        words = ["x", *["y", "weights"][: len(columns)]]
        words += [f"{'shuffle' if isinstance(x, bool) else 'batch_size'}={x!r}" for x in numbers]
        raise DTypeError(
            f"DataLoader: after arrays, {numbers[0]!r} is none. Write DataLoader({', '.join(words)})."
        )
    strange = [
        type(x).__name__ for x in columns if not (hasattr(x, "__array__") or isinstance(x, list | tuple))
    ]
    if strange:
        raise DTypeError(f"DataLoader: takes arrays, or one dataset, not arrays and {strange[0]}")
    return True


def _positional(rest: tuple[Any, ...], batch_size: int, shuffle: bool) -> tuple[int, bool]:
    """What stands after a dataset: batch_size and shuffle, in PyTorch's order."""
    if len(rest) > 2 or any(not isinstance(x, _NUMBERS) for x in rest):
        raise DTypeError(
            "DataLoader: takes one dataset, and after it batch_size and shuffle; the rest by name. "
            "Arrays that belong together: TensorDataset(x, y). Datasets one after the other: ConcatDataset."
        )
    if (rest and batch_size is not _BY_KIND) or (len(rest) == 2 and shuffle):
        raise DTypeError("DataLoader: batch_size or shuffle is given twice, by its place and by name")
    return (*rest, *(batch_size, shuffle)[len(rest) :])


def _check_kinds(given: dict[str, object], method: str, kind: str) -> None:
    """Refuse arguments that are given and lack what they are there for."""
    for name, x in given.items():
        if x is not None and not hasattr(x, method):
            raise DTypeError(f"DataLoader: {name} is {kind}, not {type(x).__name__}")


def _as_batch(indices: Any) -> list[Any]:
    if not hasattr(indices, "__iter__"):
        kind = type(indices).__name__
        raise DTypeError(f"DataLoader: batch_sampler yields a list of indices for each batch, not {kind}")
    return list(indices)


def _check_one_order(given: list[str], dataset: object) -> None:
    """Refuse several arguments that say what a batch is, and any for a stream."""
    if len(given) > 1:
        raise OptionError(f"DataLoader: {' and '.join(given)} exclude each other: each says what a batch is")
    if given and isinstance(dataset, IterableDataset):
        raise OptionError(f"DataLoader: an IterableDataset has its own order, and takes no {given[0]}")


def _length(source: Any) -> int:
    if not hasattr(source, "__len__"):
        raise DTypeError(f"DataLoader: has no length, as {type(source).__name__} has none. Iterate over it.")
    return len(source)
