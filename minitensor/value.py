"""Value: a node whose data is one Python float. Scalar backpropagation, as in micrograd."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from minitensor.errors import DTypeError, GraphError
from minitensor.graph import (
    NO_ATTRS,
    Node,
    is_grad_enabled,
    needed,
    observers,
    origin,
    propagate,
    tick,
    write_tick,
)
from minitensor.operation import Operation
from minitensor.operators import Arithmetic, add_methods

if TYPE_CHECKING:  # the methods made from the rules, declared for type checkers
    from minitensor._methods import ValueMethods
else:
    ValueMethods = object


_new = object.__new__


class Value(Arithmetic, ValueMethods):
    """One number that remembers how it was computed.

    Args:
        data: The number; kept as a Python float.
        requires_grad: Whether `backward` should compute its gradient.

    Every Value of the graph, not only the leaves, keeps its gradient in `.grad` (0.0 before `backward`), and
    further calls add to it.

    >>> x = Value(2.0)
    >>> y = (x * 3 + 1).tanh()
    >>> y.backward()
    >>> round(x.grad, 6)
    1e-05
    """

    __slots__ = ("_data", "_written", "grad")

    kind: ClassVar[type[Node]]
    _data: float
    _written: int  # the tick at which data was last assigned; not set before

    def __init__(self, data: float, requires_grad: bool = True) -> None:
        self._data = float(data)
        self.grad = 0.0
        self._requires_grad = requires_grad
        self._operation = None
        self._args = ()
        self._attrs = NO_ATTRS
        self._outputs = None
        self._tick = 0

    @property
    def data(self) -> float:
        """The number. Assigning another makes the graphs that were computed from it stale."""
        return self._data

    @data.setter
    def data(self, number: float) -> None:
        self._data = float(number)
        self._written = write_tick()

    def backward(
        self,
        gradient: float = 1.0,
        *,
        retain_graph: bool | None = None,
        create_graph: bool = False,
    ) -> None:
        """Add d self / d v · gradient to `v.grad`, for every Value `v` that self was computed from.

        Args:
            gradient: The gradient of self.
            retain_graph: Keep the graph for another backward; by default only with `create_graph`.
            create_graph: Make the gradients Values with a graph of their own, for gradients of gradients.

        Raises:
            GraphError: If nothing upstream requires grad, the graph was freed, or a Value upstream was given
                other data.
        """
        seed = Value(gradient, requires_grad=False) if create_graph else float(gradient)
        retain_graph = create_graph if retain_graph is None else retain_graph
        propagate(self, seed, Value._receive, retain_graph, create_graph)

    @classmethod
    def _record(cls, operation: Operation, args: tuple[Any, ...], attrs: dict[str, Any]) -> Value:
        if not operation.is_scalar:
            raise DTypeError(f"{operation.name}: takes tensors and arrays, not a Value")
        data, requires_grad = [], False
        for arg in args:
            if isinstance(arg, Value):
                data.append(arg._data)
                requires_grad = requires_grad or arg._requires_grad
            else:
                if isinstance(arg, np.generic):  # a np.float32 would narrow what it meets
                    return cls._record(operation, tuple([_plain(x) for x in args]), attrs)
                data.append(arg)
        outputs = operation.function(*data, **attrs)
        if type(outputs) is not tuple:
            raise DTypeError(f"{operation.name}: a rule returns a tuple (value, *local gradients)")
        node = _new(Value)
        x = outputs[0]
        if type(x) is not float:
            if isinstance(x, Node) or np.ndim(x):
                raise DTypeError("a Value meets only Values and numbers; for arrays use Tensor")
            x = float(x)
        node._data = x
        node.grad = 0.0
        if requires_grad and len(outputs) > 1 and is_grad_enabled():
            if None in outputs:
                needed(operation, args, outputs)
            node._requires_grad = True
            node._operation, node._args, node._attrs = operation, args, attrs
            node._tick = tick()
        else:
            node._requires_grad = False
            node._operation, node._args, node._attrs = None, (), NO_ATTRS
            node._tick = 0
        node._outputs = None  # the rule runs again on the way back: that takes less time than to keep it all
        if observers:
            for observer in observers:
                observer.made(node, operation, args)
        return node

    def _run_again(self) -> tuple[Any, ...]:
        if self._operation is None or self._args is None:
            return ()
        data = [arg._data if isinstance(arg, Value) else arg for arg in self._args]
        return self._operation.function(*data, **self._attrs)

    def _check_unchanged(self, run_again: bool) -> None:
        for arg in self._args or ():
            if isinstance(arg, Value) and getattr(arg, "_written", 0) > self._tick:
                raise GraphError(
                    f"backward(): {self.made_by} needs an input whose data was overwritten after the forward "
                    f"pass. Run backward() before updating.{origin(self)}"
                )

    def _collect(self, held: Any, part: Any, source: Any, maker: Node) -> Any:
        if type(part) is not float and not isinstance(part, Value):
            part = float(part)  # NumPy's functions return NumPy's scalars
        return part if held is None else held + part

    def _receive(self, gradient: Any) -> None:
        held = self.grad
        self.grad = gradient if held is None else held + gradient

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Start, or stop, computing gradients for this leaf."""
        if self._operation:
            raise GraphError("requires_grad_(): only for leaves")
        self._requires_grad = requires_grad
        return self

    def __float__(self) -> float:
        return self._data

    def __int__(self) -> int:
        return int(self._data)

    def __bool__(self) -> bool:
        return bool(self._data)

    def __format__(self, spec: str) -> str:
        return format(self._data, spec) if spec else str(self)

    def __eq__(self, other: object) -> bool:
        return self._data == other._data if isinstance(other, Value) else self._data == other

    __hash__ = object.__hash__

    def __lt__(self, other: Value | float) -> bool:
        return self._data < (other._data if isinstance(other, Value) else other)

    def __le__(self, other: Value | float) -> bool:
        return self._data <= (other._data if isinstance(other, Value) else other)

    def __gt__(self, other: Value | float) -> bool:
        return self._data > (other._data if isinstance(other, Value) else other)

    def __ge__(self, other: Value | float) -> bool:
        return self._data >= (other._data if isinstance(other, Value) else other)

    def __repr__(self) -> str:
        return f"Value(data={self._data}, grad={self.grad})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._operation:
            raise GraphError("only leaves can be copied or pickled, not a graph: make a Value of its data")
        return _rebuild, (self._data, self._requires_grad, self.grad)


def _plain(x: Any) -> Any:
    return x.item() if isinstance(x, np.generic) else x


def _rebuild(data: float, requires_grad: bool, grad: Any) -> Value:
    value = Value(data, requires_grad)
    value.grad = grad
    return value


Value.kind = Value
add_methods(Value, lambda operation: operation.is_scalar)
