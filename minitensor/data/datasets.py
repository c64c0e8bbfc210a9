"""Datasets: items by number. Yours, arrays and tensors row by row, parts of others, others joined.

How items become batches stands in collation.py, and which of them make a batch in loader.py.
"""

from __future__ import annotations

import math
import operator
import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from minitensor.core.tensor import Tensor, TensorLike
from minitensor.errors import DTypeError, OptionError, ShapeError
from minitensor.random import generator as seeded
from minitensor.rules.shapes import concatenate

Item = TypeVar("Item")
Column: TypeAlias = NDArray[Any] | Tensor
Seed: TypeAlias = np.random.Generator | int
Indices: TypeAlias = "range | NDArray[np.int64] | list[Any]"
"""Which items: a range of those that follow one another, an array, or what a sampler of the user's gave."""


class Items(Protocol):
    """What a dataset must have; a list has it."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


AnyDataset: TypeAlias = "Items | Dataset[Any]"


class Dataset(Generic[Item]):
    """The base class of datasets of your own, which define `__len__` and `__getitem__`.

    A class that can fetch many items at once may also define `__getitems__(indices)`, which is given a list
    of integers and returns a list of items. (Anything with `__len__` and `__getitem__` is a dataset.)

    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 5
    ...     def __getitem__(self, index):
    ...         return np.float32(index), index**2
    >>> Squares()[3]
    (np.float32(3.0), 9)
    >>> from minitensor.data import DataLoader
    >>> [y.tolist() for x, y in DataLoader(Squares(), batch_size=3)]
    [[0, 1, 4], [9, 16]]
    """

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        if (args or kwargs) and cls.__init__ is object.__init__:
            name, cure = cls.__name__, "For arrays write TensorDataset(x, y)."
            raise DTypeError(f"{name}: takes no arguments, as it defines no __init__. {cure}")
        return super().__new__(cls)

    def __getitem__(self, index: int) -> Item:
        raise DTypeError(
            f"{type(self).__name__}: a Dataset defines __getitem__(self, index). This one lacks it."
        )

    def __iter__(self) -> Iterator[Item]:
        return (self[i] for i in range(size_of(type(self).__name__, self)))

    def __add__(self, other: AnyDataset) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[Item]):
    """The base class of datasets that come one item after the other, such as a stream: define `__iter__`.

    >>> class Countdown(IterableDataset):
    ...     def __iter__(self):
    ...         return iter([3, 2, 1])
    >>> from minitensor.data import DataLoader
    >>> list(DataLoader(Countdown(), batch_size=2))
    [Tensor([3, 2]), Tensor([1])]
    """

    def __getitem__(self, index: int) -> Item:
        raise DTypeError(
            f"{type(self).__name__}: an IterableDataset has no items by number: iterate over it."
        )

    def __iter__(self) -> Iterator[Item]:
        raise DTypeError(
            f"{type(self).__name__}: an IterableDataset defines __iter__(self). This one lacks it."
        )


class Rows(Sequence[Any]):
    """Items that lie side by side already: item i is the tuple of the i-th rows of `columns`."""

    def __init__(self, columns: Iterable[Column]) -> None:
        self.columns = tuple(columns)

    def __len__(self) -> int:
        return len(self.columns[0])

    def __getitem__(self, index: Any) -> tuple[Column, ...]:
        return tuple([column[index] for column in self.columns])


class Columns(Dataset[tuple[Column, ...]]):
    """Arrays or tensors with the same number of rows, as a DataLoader is given them.

    >>> data = Columns(np.eye(3), [5, 6, 7])
    >>> len(data), data[1]
    (3, (array([0., 1., 0.]), np.int64(6)))
    """

    def __init__(self, *columns: TensorLike) -> None:
        self.columns = columns_of(type(self).__name__, columns)

    def __len__(self) -> int:
        return len(self.columns[0])

    def __getitem__(self, index: int) -> tuple[Column, ...]:
        try:
            return tuple([column[index] for column in self.columns])
        except IndexError as error:
            raise IndexError(f"{type(self).__name__}: {error}") from error

    def __gather__(self, indices: Indices) -> Rows:
        """The items at `indices`; of neighbours, arrays give a view."""
        if not isinstance(indices, range):
            return Rows([gathered(column, indices) for column in self.columns])
        near = slice(indices.start, indices.stop)
        return Rows([x[near] if isinstance(x, np.ndarray) else gathered(x, indices) for x in self.columns])


class TensorDataset(Columns):
    """Tensors with the same number of rows: item i is the tuple of their i-th rows.

    Args:
        tensors: Tensors; or arrays, whose memory is shared.

    Raises:
        ShapeError: If the numbers of rows differ, or one has no rows at all.
        DTypeError: If an array holds no real numbers.

    >>> data = TensorDataset(np.eye(3), np.array([5, 6, 7]))
    >>> len(data), data[1]
    (3, (Tensor([0., 1., 0.], dtype=float64), Tensor(6)))
    """

    def __init__(self, *tensors: TensorLike) -> None:
        super().__init__(*[_tensor(type(self).__name__, x) for x in tensors])

    @property
    def tensors(self) -> tuple[Column, ...]:
        """The tensors."""
        return self.columns


class Subset(Dataset[Any]):
    """Some items of a dataset.

    Args:
        dataset: A dataset.
        indices: Which of its items, and in which order.

    Raises:
        DTypeError: If the indices are no integers.
        IndexError: If the dataset has no such item.

    >>> part = Subset(["a", "b", "c"], [2, 0])
    >>> len(part), part[0], list(part)
    (2, 'c', ['c', 'a'])
    """

    def __init__(self, dataset: AnyDataset, indices: Sequence[int] | NDArray[Any]) -> None:
        self.dataset = check_dataset("Subset", dataset)
        self.indices = indices

    @property
    def indices(self) -> NDArray[np.int64]:
        """Which items, as an array."""
        return self._indices

    @indices.setter
    def indices(self, indices: Sequence[int] | NDArray[Any]) -> None:
        chosen = as_indices("Subset", indices)
        size = len(self.dataset) if hasattr(self.dataset, "__len__") else math.inf
        outside = chosen[(chosen >= size) | (chosen < -size)]
        if len(outside):
            raise IndexError(f"Subset: index {outside[0]} is out of range for {size:,} items")
        self._indices = chosen

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, int | np.integer) and not -len(self) <= index < len(self):
            raise IndexError(f"Subset: index {index} is out of range for {len(self):,} items")
        return self.dataset[self._indices[index].tolist()]

    def __gather__(self, indices: Indices) -> Sequence[Any]:
        return items_at(self.dataset, gathered(self._indices, indices))


class ConcatDataset(Dataset[Any]):
    """Datasets one after the other.

    Args:
        datasets: One or more.

    Attributes:
        datasets: Those that were given, in a list.
        cumulative_sizes: How many items each and those before it have.

    >>> both = ConcatDataset([["a", "b"], ["c"]])
    >>> len(both), both[2], both[-2], both.cumulative_sizes
    (3, 'c', 'b', [2, 3])
    """

    def __init__(self, datasets: Iterable[AnyDataset], *others: AnyDataset) -> None:
        if others or isinstance(datasets, Dataset) or not hasattr(datasets, "__iter__"):
            raise DTypeError("ConcatDataset: takes one list of datasets. Write ConcatDataset([a, b]).")
        self.datasets = [check_dataset("ConcatDataset", dataset) for dataset in datasets]
        if not self.datasets:
            raise OptionError("ConcatDataset: needs at least one dataset")
        sizes = [size_of("ConcatDataset", dataset) for dataset in self.datasets]
        self.cumulative_sizes: list[int] = np.cumsum(sizes).tolist()

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        try:
            index = operator.index(index)
        except TypeError as error:
            kind = type(index).__name__
            raise DTypeError(
                f"ConcatDataset: an index is an integer, not {kind}. For more take Subset."
            ) from error
        if not -len(self) <= index < len(self):
            raise self._outside(index)
        index %= len(self)
        part = bisect_right(self.cumulative_sizes, index)
        return self.datasets[part][index - (self.cumulative_sizes[part - 1] if part else 0)]

    def _outside(self, index: int) -> IndexError:
        return IndexError(f"ConcatDataset: index {index} is out of range for {len(self):,} items")

    def _parts(self, indices: NDArray[np.int64]) -> list[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
        """Of each part that is met: its number, the places in `indices` that mean it, and its own indices."""
        outside = (indices < -len(self)) | (indices >= len(self))
        if outside.any():
            raise self._outside(int(indices[outside.argmax()]))
        indices = np.where(indices < 0, indices + len(self), indices)
        ends = np.array(self.cumulative_sizes)
        owner = np.searchsorted(ends, indices, side="right")
        starts = np.concatenate([[0], ends[:-1]])
        met = [(int(part), np.flatnonzero(owner == part)) for part in np.unique(owner)]
        return [(part, places, indices[places] - starts[part]) for part, places in met]

    def __gather__(self, indices: Indices) -> Sequence[Any]:
        parts = self._parts(as_indices("ConcatDataset", indices))
        found = [items_at(self.datasets[part], inside) for part, _, inside in parts]
        if not found:
            return []
        order = np.argsort(np.concatenate([places for _, places, _ in parts]))
        tables = [items for items in found if isinstance(items, Rows)]
        if len(tables) == len(found) and len({_form(table) for table in tables}) == 1:
            columns = zip(*[table.columns for table in tables], strict=True)
            whole = [concatenate(list(column), axis=0)[order] for column in columns]
            return Rows(whole)
        flat = [item for items in found for item in items]
        return [flat[i] for i in order]


def random_split(
    dataset: AnyDataset,
    lengths: Sequence[int | float],
    generator: Seed | None = None,
    *,
    rng: Seed | None = None,
) -> list[Subset]:
    """Shuffle the items of a dataset and cut them into parts.

    Args:
        dataset: A dataset.
        lengths: How many items each part has; or fractions that add up to 1. What rounding down leaves over
            goes to the first parts, one item each.
        generator: A generator or seed.
        rng: The same.

    Raises:
        OptionError: If the lengths do not add up, or a fraction leaves its part empty.

    >>> [len(part) for part in random_split(range(10), [0.75, 0.25])]
    [8, 2]
    """
    check_dataset("random_split", dataset)
    n = size_of("random_split", dataset)
    if not hasattr(lengths, "__iter__"):
        raise DTypeError(f"random_split: lengths is a list, such as [0.8, 0.2], not {type(lengths).__name__}")
    sizes = _sizes(list(lengths), n)
    order = seeded(generator_of("random_split", rng, generator)).permutation(n)
    return [Subset(dataset, part) for part in np.split(order, np.cumsum(sizes[:-1], dtype=np.int64))]


def _sizes(lengths: list[int | float], n: int) -> list[int]:
    said = f"random_split: lengths {lengths}"
    if any(not isinstance(length, int | float | np.number) or not length >= 0 for length in lengths):
        raise OptionError(f"{said}: each must be a number of items, or a fraction, of at least 0")
    if not any(isinstance(length, float | np.floating) for length in lengths):
        if sum(lengths) != n:
            raise OptionError(f"{said} add up to {sum(lengths):,}, and the dataset has {n:,} items")
        return [int(length) for length in lengths]
    if not math.isclose(sum(lengths), 1):
        raise OptionError(
            f"{said} add up to {sum(lengths):g}: fractions add up to 1, and numbers of items are int"
        )
    sizes = [math.floor(n * length) for length in lengths]
    for i in range(n - sum(sizes)):
        sizes[i % len(sizes)] += 1
    if any(length and not size for length, size in zip(lengths, sizes, strict=True)):
        raise OptionError(f"{said} of {n:,} items leave one part empty")
    return sizes


# ------------------------------------------------------------------------------------- fetching items


def items_at(dataset: Any, indices: Indices) -> Sequence[Any]:
    """The items at `indices`: as Rows or in one array if they can be gathered, else as a list.

    Whichever is defined lowest in the class says how: a subclass that changes `__getitem__` changes this too.
    """
    if isinstance(dataset, np.ndarray | Tensor):
        return gathered(dataset, indices)  # its rows are the items
    for kind in type(dataset).__mro__:
        if "__gather__" in vars(kind):
            return dataset.__gather__(indices)
        if vars(kind).get("__getitems__"):
            return dataset.__getitems__(_as_list(indices))
        if "__getitem__" in vars(kind):
            break
    return [dataset[i] for i in _as_list(indices)]


def gathered(column: Any, indices: Indices) -> Any:
    """The rows of a column at `indices`, copied."""
    if isinstance(indices, range):
        indices = np.arange(indices.start, indices.stop)
    elif isinstance(indices, list):  # of a sampler
        indices = as_indices("DataLoader", indices)
    try:
        return column[indices]
    except IndexError as error:
        raise IndexError(f"DataLoader: {error}") from error


def _as_list(indices: Indices) -> list[Any]:
    """Python's own integers, as datasets are written for them; a sampler may also give names."""
    if isinstance(indices, np.ndarray):
        return indices.tolist()
    return [i.item() if isinstance(i, np.generic | Tensor) else i for i in indices]


def _form(table: Rows) -> tuple[object, ...]:
    """What tables have in common that can be joined."""
    return tuple([(type(column), column.shape[1:]) for column in table.columns])


# ------------------------------------------------------------------------------------------- checking


def check_dataset(name: str, dataset: Any) -> Any:
    """Return a dataset, or refuse what is none."""
    kind, cure = type(dataset).__name__, ""
    if isinstance(dataset, type):
        kind, cure = f"the class {dataset.__name__}", f"Make one: {dataset.__name__}(...)."
    elif isinstance(dataset, tuple):
        cure = "Write TensorDataset(*data) for arrays, and list(data) for items."
    elif isinstance(dataset, IterableDataset):
        cure = "It has no items by number: only a DataLoader takes it."
    elif isinstance(dataset, Mapping):
        cure = "Write TensorDataset(*data.values()) for arrays."
    elif isinstance(dataset, str | bytes | os.PathLike):
        cure = "Read the file first: see load_file."
    elif not hasattr(dataset, "__getitem__"):
        iterable = hasattr(dataset, "__iter__")
        cure = "Make a list of it." if iterable else "It needs __len__ and __getitem__: see Dataset."
    if cure:
        raise DTypeError(f"{name}: takes a dataset, not {kind}. {cure}")
    return dataset


def size_of(name: str, dataset: AnyDataset) -> int:
    """How many items a dataset has."""
    if not hasattr(dataset, "__len__"):
        raise DTypeError(
            f"{name}: {type(dataset).__name__} has no __len__, which says how many items there are"
        )
    return len(dataset)


def same_length(name: str, arrays: Sequence[Column]) -> int:
    """The number of rows that all arrays have."""
    lengths = {array.shape[0] if array.ndim else -1 for array in arrays}
    if len(lengths) != 1 or -1 in lengths:
        raise ShapeError(
            f"{name}: needs arrays of one length, got shapes {[array.shape for array in arrays]}"
        )
    return lengths.pop()


def columns_of(name: str, data: Iterable[TensorLike]) -> tuple[Column, ...]:
    """Arrays of one length; tensors stay tensors."""
    try:
        columns = tuple([x if isinstance(x, Tensor) else np.asarray(x) for x in data])
    except ValueError as error:
        raise ShapeError(f"{name}: a list holds rows of several lengths, and an array needs one") from error
    same_length(name, columns)
    return columns


def _tensor(name: str, column: TensorLike) -> Tensor:
    first: Any = column[0] if isinstance(column, tuple | list) and column else None
    if isinstance(column, Dataset) or getattr(first, "ndim", None):
        kind = type(column).__name__ if first is None else f"a {type(column).__name__} of them"
        raise DTypeError(f"{name}: takes tensors or arrays, not {kind}. Write {name}(*data).")
    try:
        if isinstance(column, Tensor | list | tuple):
            return column if isinstance(column, Tensor) else Tensor(column)
        return Tensor.from_numpy(np.asarray(column))
    except DTypeError as error:
        raise DTypeError(f"{name}: {error}") from error
    except ValueError as error:
        raise ShapeError(f"{name}: a list holds rows of several lengths, and a tensor needs one") from error


def as_indices(name: str, indices: Any) -> NDArray[np.int64]:
    """Indices as an array of integers of one axis."""
    try:
        array = np.asarray(indices if isinstance(indices, np.ndarray | Tensor) else list(indices))
    except (TypeError, ValueError) as error:
        raise DTypeError(f"{name}: indices are a list of integers, and these are not") from error
    if array.dtype.kind == "b":
        raise DTypeError(f"{name}: indices are integers, not bool. Of a mask take np.flatnonzero(mask).")
    if array.dtype.kind not in "iu" and array.size:
        raise DTypeError(f"{name}: indices are integers, not {array.dtype}")
    if array.ndim != 1:
        raise ShapeError(f"{name}: indices have one axis, not shape {array.shape}")
    return array.astype(np.int64, copy=False)


def generator_of(name: str, rng: Seed | None, generator: Seed | None) -> np.random.Generator | None:
    """The generator that was given under either name, or None."""
    if rng is not None and generator is not None:
        raise DTypeError(f"{name}: rng and generator mean the same argument")
    given = generator if rng is None else rng
    try:
        return None if given is None else seeded(given)
    except (TypeError, ValueError) as error:
        raise OptionError(
            f"{name}: generator takes a NumPy generator, or an integer of at least 0, not {given!r}"
        ) from error
