"""copy, deepcopy and pickle: leaves can be copied, graphs cannot."""

from __future__ import annotations

from typing import Any

from minitensor.arrays.extend import extend
from minitensor.core.tensor import Tensor
from minitensor.core.value import Value
from minitensor.errors import GraphError
from minitensor.methods import TensorMethods, ValueMethods
from minitensor.ndarrays import Array


@extend(TensorMethods)
class CopiedTensor(Tensor):
    """How a Tensor is copied."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        if self._operation:
            raise GraphError("only leaves can be copied or pickled, not a graph: use detach() first")
        return _tensor, (type(self), self._data, self._requires_grad, self._grad)


@extend(ValueMethods)
class CopiedValue(Value):
    """How a Value is copied."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        if self._operation:
            raise GraphError("only leaves can be copied or pickled, not a graph: make a Value of its data")
        return _value, (self._data, self._requires_grad, self.grad)


def _tensor(cls: type[Tensor], data: Array, requires_grad: bool, grad: Any) -> Tensor:
    tensor = cls.from_numpy(data.copy())  # copy.copy hands over the memory itself
    tensor._requires_grad = requires_grad
    tensor._grad = None if grad is None else grad.copy()
    return tensor


def _value(data: float, requires_grad: bool, grad: Any) -> Value:
    value = Value(data, requires_grad)
    value.grad = grad
    return value
