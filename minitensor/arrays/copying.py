"""copy, deepcopy and pickle: leaves can be copied, graphs cannot.

What is copied together stays together. A tensor that is met twice is copied once; tensors on the whole of one
memory, as `x` and `x.detach()` or `w` and `w.T.detach()`, share that of their copies. A part, as
`x[0].detach()`, gets memory of its own, for with it would go all that it is a part of.
"""

from __future__ import annotations

from copy import copy
from typing import Any, Self, TypeAlias

import numpy as np

from minitensor.arrays.extend import extend
from minitensor.core.graph import Node
from minitensor.core.tensor import Tensor
from minitensor.core.value import Value
from minitensor.errors import GraphError
from minitensor.methods import TensorMethods, ValueMethods
from minitensor.ndarrays import Array, order_in_memory

View: TypeAlias = "tuple[Array] | tuple[Array, np.dtype[Any], tuple[int, ...], tuple[int, ...], int]"
"""Memory, as an array in C's or Fortran's order; and if not it itself, what array and where in it."""


@extend(TensorMethods)
class CopiedTensor(Tensor):
    """How a Tensor is copied."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        if self._operation:
            raise GraphError("only leaves can be copied or pickled, not a graph: use detach() first")
        view = _view(self._data)
        written = self._written if view[0] is _owner(self._data) else None  # shared by those who share memory
        grad = _view(self._grad) if isinstance(self._grad, np.ndarray) else self._grad
        return _tensor, (type(self), view, written, self._requires_grad, grad), _attributes(self, Tensor)

    def __copy__(self) -> Self:
        """A tensor with memory of its own, as Tensor(x) has, and the same attributes."""
        function, (cls, _, _, requires_grad, _), attributes = self.__reduce__()
        array = isinstance(self._grad, np.ndarray)
        grad = _view(self._grad.copy("K")) if array else copy(self._grad)
        twin: Self = function(cls, _view(self._data.copy("K")), None, requires_grad, grad)
        for part in attributes or ():
            for name, x in (part or {}).items():
                setattr(twin, name, x)
        return twin


@extend(ValueMethods)
class CopiedValue(Value):
    """How a Value is copied."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        if self._operation:
            raise GraphError("only leaves can be copied or pickled, not a graph: make a Value of its data")
        attributes = _attributes(self, Value)
        return _value, (type(self), self._data, self._requires_grad, self.grad, self.label), attributes


def _tensor(
    cls: type[Tensor], data: View, written: list[int] | None, requires_grad: bool, grad: Any
) -> Tensor:
    tensor = object.__new__(cls)
    tensor._start(_array(*data))
    tensor._requires_grad = requires_grad
    tensor._grad = _array(*grad) if isinstance(grad, tuple) else grad
    if written is not None:
        written[0] = 0  # no graph needs it yet
        tensor._written = written
    return tensor


def _value(cls: type[Value], data: float, requires_grad: bool, grad: Any, label: str) -> Value:
    value = object.__new__(cls)
    Value.__init__(value, data, requires_grad, label)
    value.grad = grad
    return value


def _owner(array: Array) -> Array:
    return array.base if type(array.base) is np.ndarray else array


def _view(array: Array) -> View:
    """An array as a view of all its memory; of a copy, where it shows a part of it, or an element twice."""
    owner = _owner(array)
    if owner.nbytes != array.nbytes or not owner.flags.forc or 0 in array.strides:
        array = array.copy("K")
        owner = array.transpose(order_in_memory(array))
    if owner is array:
        return (array,)
    return owner, array.dtype, array.shape, array.strides, _address(array) - _address(owner)


def _address(array: Array) -> int:
    return array.__array_interface__["data"][0]


def _array(memory: Array, *view: Any) -> Array:
    """What `_view` described."""
    memory = writable(memory)
    if not view:
        return memory
    dtype, shape, strides, offset = view
    return np.ndarray(shape, dtype, memory, offset, strides)


def writable(array: Array) -> Array:
    """An array that was unpickled, or a copy: files that joblib shares may not be written to."""
    if type(array) is np.ndarray and array.flags.writeable:
        return array
    return np.array(array, order="K")


class Ordered:
    """Stands for an array where one is pickled: it comes back in its order in memory.

    NumPy keeps C's order and Fortran's alone.

    >>> import pickle
    >>> x = np.zeros((2, 3, 4)).transpose(1, 0, 2)
    >>> pickle.loads(pickle.dumps(Ordered(x))).strides == x.strides
    True
    """

    def __init__(self, array: Array) -> None:
        self.array = array

    def __reduce__(self) -> tuple[Any, ...]:
        order = order_in_memory(self.array)
        whole = np.asarray(self.array.transpose(order), order="C")
        return np.transpose, (whole, np.argsort(order).tolist())


def _attributes(node: Node, base: type[Node]) -> tuple[Any, dict[str, Any]] | None:
    """What a subclass of the user's has beside what Tensor or Value has, as copy and pickle set it."""
    cls = type(node)
    if cls.__basicsize__ == base.__basicsize__ and not cls.__dictoffset__:
        return None
    state: Any = object.__getstate__(node)  # (attributes or None, slots)
    known = {name for kind in base.__mro__ for name in getattr(kind, "__slots__", ())}
    slots = {name: x for name, x in state[1].items() if name not in known}
    return (state[0], slots) if state[0] or slots else None
