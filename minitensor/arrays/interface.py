"""What a Tensor has because arrays have it: shape, indexing, comparison, conversion, and how it prints."""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np
from numpy.typing import DTypeLike

from minitensor import rules
from minitensor.arrays.extend import extend
from minitensor.core.tensor import Tensor, TensorLike
from minitensor.devices import CPU, Device
from minitensor.errors import DTypeError, GraphError, ShapeError
from minitensor.methods import TensorMethods
from minitensor.ndarrays import Array
from minitensor.rules.axes import one_axis


class Size(int):
    """How many elements an array of a shape has."""

    shape: tuple[int, ...]

    def __new__(cls, shape: tuple[int, ...]) -> Size:
        size = super().__new__(cls, math.prod(shape))
        size.shape = shape
        return size

    def __reduce__(self) -> Any:
        return int, (int(self),)

    def __call__(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[one_axis("size", dim, self.shape)]


@extend(TensorMethods)
class Shape(Tensor):
    """Shape, products of matrices, and elements by their place."""

    __slots__ = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return self._data.shape

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return self._data.ndim

    @property
    def size(self) -> Size:
        """How many elements there are; called, as PyTorch has it, the shape, or the length of an axis.

        >>> from minitensor import Tensor
        >>> x = Tensor([[1.0, 2.0, 3.0]])
        >>> x.size, x.size(), x.size(1)
        (3, (1, 3), 3)
        """
        return Size(self._data.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the elements."""
        return self._data.dtype

    @property
    def device(self) -> Device:
        """Where the elements are: on the CPU."""
        return CPU

    @property
    def mT(self) -> Tensor:  # noqa: N802
        """The last two axes exchanged."""
        return rules.swapaxes(self, -1, -2)

    @property
    def T(self) -> Tensor:  # noqa: N802
        """The axes in reverse order."""
        return rules.transpose(self)

    def __matmul__(self, other: TensorLike) -> Tensor:
        return rules.matmul(self, other)

    def __rmatmul__(self, other: TensorLike) -> Tensor:
        return rules.matmul(other, self)

    def __getitem__(self, key: Any) -> Tensor:
        return rules.index(self, plain_key(key))

    def __len__(self) -> int:
        if not self.ndim:
            raise DTypeError("len(): a tensor of shape () has no length and cannot be iterated over")
        return len(self._data)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __contains__(self, item: Any) -> bool:
        return bool((self.data == (item.data if isinstance(item, Tensor) else item)).any())


@extend(TensorMethods)
class Comparison(Tensor):
    """Comparison and logic, element by element: tensors of booleans."""

    __slots__ = ()

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]  # elementwise, as in NumPy
        return rules.equal(self, np.nan if other is None else other)  # nothing equals None

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]
        return rules.not_equal(self, np.nan if other is None else other)

    def __and__(self, other: TensorLike) -> Tensor:
        return rules.bitwise_and(self, other)

    def __or__(self, other: TensorLike) -> Tensor:
        return rules.bitwise_or(self, other)

    def __xor__(self, other: TensorLike) -> Tensor:
        return rules.bitwise_xor(self, other)

    def __invert__(self) -> Any:
        return rules.invert(self)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __lt__(self, other: TensorLike) -> Tensor:
        return rules.less(self, other)

    def __le__(self, other: TensorLike) -> Tensor:
        return rules.less_equal(self, other)

    def __gt__(self, other: TensorLike) -> Tensor:
        return rules.greater(self, other)

    def __ge__(self, other: TensorLike) -> Tensor:
        return rules.greater_equal(self, other)

    __hash__ = object.__hash__


@extend(TensorMethods)
class Conversion(Tensor):
    """Python's numbers and lists, NumPy's arrays, other dtypes; and text."""

    __slots__ = ()

    def item(self) -> Any:
        """The one element, as a Python number."""
        if self._data.size != 1:
            raise ShapeError(f"item(): needs exactly one element, and the shape is {self.shape}")
        return self.data.item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers; of a 0-d tensor, the number."""
        return self.data.tolist()

    def detach(self) -> Tensor:
        """The same memory off the graph."""
        tensor = Tensor.from_numpy(self.data[...])
        tensor._share_writes((self,))
        return tensor

    def numpy(self) -> Array:
        """The array, sharing memory; raises GraphError if self requires grad."""
        if self._requires_grad:
            raise GraphError("numpy(): this tensor requires grad. Use .detach().numpy() to leave the graph.")
        return self.data

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        if self._requires_grad:
            raise GraphError(
                "an array of a tensor that requires grad would lose its gradient. Use minitensor.stack or "
                "concatenate to join tensors, and .detach().numpy() to leave the graph."
            )
        return np.array(self.data, dtype=dtype, copy=copy)

    def __dlpack__(self, **options: Any) -> Any:
        """The memory, for libraries that share it: torch.from_dlpack(t), np.from_dlpack(t)."""
        return np.asarray(self.numpy()).__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._data.__dlpack_device__()

    def __dir__(self) -> list[str]:
        return [name for name in object.__dir__(self) if name not in _INSTEAD]

    def __float__(self) -> builtins.float:
        return builtins.float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        return operator.index(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __bool__(self) -> bool:
        if self._data.size != 1:
            raise ShapeError(
                f"the truth of a tensor of shape {self.shape} is ambiguous: use .all() or .any()"
            )
        return bool(self.data.item())

    def __repr__(self) -> str:
        values = np.array2string(self._data, separator=", ", prefix="Tensor(")
        notes = [] if self._data.dtype in (np.float32, np.int64, np.bool_) else [f"dtype={self._data.dtype}"]
        notes += (
            [f"made_by={self.made_by}"]
            if self.made_by
            else ["requires_grad=True"]
            if self._requires_grad
            else []
        )
        return f"{type(self).__name__}({', '.join([values, *notes])})"


def plain_key(key: Any) -> Any:
    """An index with its tensors and arrays copied: changing them later changes no gradient."""
    if isinstance(key, tuple):
        return tuple([plain_key(part) for part in key])
    if isinstance(key, Tensor):
        return key.data.copy()
    return key.copy() if isinstance(key, np.ndarray | list) else key


# ---------------------------------------------------------------------------------- called otherwise

_INSTEAD = {  # PyTorch's names for what is called otherwise here
    "grad_fn": ".made_by",
    "is_cuda": "the tensor itself: it is on the CPU",
    "pin_memory": "the tensor itself: it is on the CPU",
    "share_memory_": "the tensor itself: processes have memory of their own",
    **dict.fromkeys(["values", "indices"], "dim=, as in x.max(dim=1), for both values and indices"),
    "stride": ".data.strides, in bytes",
    "nonzero": "np.argwhere(x)",
    **{name: f"np.{name}(x)" for name in ("unique", "bincount")},
    "scatter_": "one_hot(labels, n), or x[i, j] = value under no_grad()",
    "register_hook": ".retain_grad(), and .grad after backward()",
}


class _Elsewhere:
    """An attribute that is not there, but says what is. (A `__getattr__` would slow down every attribute.)"""

    def __init__(self, name: str, instead: str) -> None:
        self.name = name
        self.instead = instead

    def __get__(self, tensor: object, cls: type) -> NoReturn:
        message = f"{cls.__name__} has no attribute {self.name!r}. Use {self.instead}."
        raise AttributeError(message, name=self.name, obj=tensor)


for _name, _instead in _INSTEAD.items():
    setattr(TensorMethods, _name, _Elsewhere(_name, _instead))
