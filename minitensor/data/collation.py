"""Collation: how a list of items becomes a batch. PyTorch's rules, and its name for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minitensor.core.tensor import Tensor
from minitensor.data.datasets import Rows
from minitensor.errors import DTypeError, OptionError, ShapeError
from minitensor.rules.shapes import stack

_NUMBERS = (int, float, np.generic)


def default_collate(batch: Sequence[Any]) -> Any:
    """Items as one batch of tensors: what a DataLoader does that is given no collate_fn.

    Tensors, arrays and numbers are stacked along a new first axis (Python's floats become float64). Texts
    stay as they are. Of tuples, lists, named tuples and dicts comes one that holds a batch of each entry; a
    list for a tuple, as in PyTorch.

    Args:
        batch: Items of one kind.

    Raises:
        ShapeError: If items differ in shape, length or keys.
        DTypeError: If they are of several kinds, or of another than those above.

    >>> default_collate([{"x": np.zeros(2), "name": "a"}, {"x": np.ones(2), "name": "b"}])
    {'x': Tensor([[0., 0.],
            [1., 1.]], dtype=float64), 'name': ['a', 'b']}
    """
    return collate(batch, Names("batch", range(len(batch))))


class Names:
    """What errors call the items, and what stands in each under the same keys: dataset[7][1]."""

    def __init__(self, base: str, indices: Sequence[Any] | NDArray[Any], path: str = "") -> None:
        self.base, self.indices, self.path = base, indices, path

    def __getitem__(self, i: int) -> str:
        index = self.indices[i]
        return f"{self.base}[{index.item() if isinstance(index, np.generic) else index!r}]{self.path}"

    def inside(self, key: object) -> Names:
        """The names of an entry of each item."""
        return Names(self.base, self.indices, f"{self.path}[{key!r}]")


def collate(items: Sequence[Any], names: Names) -> Any:
    """What default_collate does, with what errors call the items."""
    if isinstance(items, Rows):
        return [_as_tensor(column, names.base) for column in items.columns]
    if isinstance(items, np.ndarray | Tensor):
        return _as_tensor(items, names.base)
    if not items:
        raise OptionError(
            "default_collate: there are no items. Leave empty batches out of the batch_sampler."
        )
    kinds = [_kind(item) for item in items]
    _check_same(kinds, names, DTypeError, lambda i: f"is of type {type(items[i]).__name__}")
    first = items[0]
    match kinds[0]:
        case "array":
            if all([isinstance(x, _NUMBERS) for x in items]):
                return _as_tensor(np.array(items), names.base)
            tensors = [_as_tensor(x, names.base) for x in items]
            shapes = [tensor.shape for tensor in tensors]
            _check_same(shapes, names, ShapeError, lambda i: f"has shape {shapes[i]}")
            return stack(tensors)
        case "text":
            return items
        case "dict":
            keys = [set(item) for item in items]
            _check_same(keys, names, ShapeError, lambda i: f"has keys {', '.join(map(repr, items[i]))}")
            return {key: collate([item[key] for item in items], names.inside(key)) for key in first}
        case "tuple":
            lengths = [len(item) for item in items]
            _check_same(lengths, names, ShapeError, lambda i: f"has {lengths[i]} entries")
            columns = [collate(x, names.inside(i)) for i, x in enumerate(zip(*items, strict=True))]
            return type(first)(*columns) if hasattr(first, "_fields") else columns
    raise DTypeError(
        f"default_collate: {names[0]} is of type {type(first).__name__}. Give tensors, arrays, numbers, "
        "text, and tuples, lists and dicts of them; or a collate_fn, which makes a batch of a list of items."
    )


def _kind(item: Any) -> str:
    if isinstance(item, str | bytes):
        return "text"
    if isinstance(item, _NUMBERS) or hasattr(item, "__array__"):
        return "array"
    if isinstance(item, Mapping):
        return "dict"
    return "tuple" if isinstance(item, tuple | list) else ""


def _as_tensor(x: Any, name: str) -> Tensor:
    if isinstance(x, Tensor):
        return x
    try:
        return Tensor.from_numpy(np.asarray(x))
    except DTypeError as error:
        raise DTypeError(f"default_collate: {name}: {error} Give a collate_fn.") from error


def _check_same(
    forms: Sequence[object], names: Names, kind: type[Exception], says: Callable[[int], str]
) -> None:
    """Refuse items of which one has another form than the first."""
    for i, form in enumerate(forms):
        if form != forms[0]:
            raise kind(
                f"default_collate: {names[i]} {says(i)}, and {names[0]} {says(0)}. Items of one batch must "
                "be alike: pad or crop them, or give a collate_fn."
            )
