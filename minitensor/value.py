"""Value: a node whose data is one Python float. Scalar backpropagation, as in micrograd."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from minitensor.errors import DTypeError, GraphError
from minitensor.graph import Node, propagate
from minitensor.operation import Operation
from minitensor.operators import Arithmetic, add_methods

if TYPE_CHECKING:  # the methods made from the rules, declared for type checkers
    from minitensor._methods import ValueMethods
else:
    ValueMethods = object


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

    __slots__ = ("data", "grad")

    kind: ClassVar[type[Node]]
    data: float

    def __init__(self, data: float, requires_grad: bool = True) -> None:
        self.data = float(data)
        self.grad = 0.0
        self._requires_grad = requires_grad
        self._edges = ()
        self._call = None
        self._tick = 0

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
            GraphError: If nothing upstream requires grad, or the graph was freed.
        """
        seed = Value(gradient, requires_grad=False) if create_graph else float(gradient)
        retain_graph = create_graph if retain_graph is None else retain_graph
        propagate(self, seed, Value._receive, retain_graph, create_graph)

    @classmethod
    def _run(
        cls, operation: Operation, args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        if not operation.is_scalar:
            raise DTypeError(f"{operation.name}: takes tensors and arrays, not a Value")
        data = [arg.data if isinstance(arg, Value) else arg for arg in args]
        return args, operation.function(*data, **attrs)

    @classmethod
    def _wrap(cls, data: Any, args: tuple[Any, ...]) -> Value:
        if type(data) is not float and (isinstance(data, Node) or np.ndim(data)):
            raise DTypeError("a Value meets only Values and numbers; for arrays use Tensor")
        return Value(data, False)

    def _collect(self, held: Any, part: Any, source: Any, maker: Node) -> Any:
        if type(part) is not float and not isinstance(part, Value):
            part = float(part)  # NumPy's functions return NumPy's scalars
        return part if held is None else held + part

    def _receive(self, gradient: Any) -> None:
        self.grad = self.grad + gradient

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Start, or stop, computing gradients for this leaf."""
        if self._edges != ():
            raise GraphError("requires_grad_(): only for leaves")
        self._requires_grad = requires_grad
        return self

    def __float__(self) -> float:
        return self.data

    def __int__(self) -> int:
        return int(self.data)

    def __bool__(self) -> bool:
        return bool(self.data)

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else str(self)

    def __eq__(self, other: object) -> bool:
        return self.data == other.data if isinstance(other, Value) else self.data == other

    __hash__ = object.__hash__

    def __lt__(self, other: Value | float) -> bool:
        return self.data < float(other)

    def __le__(self, other: Value | float) -> bool:
        return self.data <= float(other)

    def __gt__(self, other: Value | float) -> bool:
        return self.data > float(other)

    def __ge__(self, other: Value | float) -> bool:
        return self.data >= float(other)

    def __repr__(self) -> str:
        return f"Value(data={self.data}, grad={self.grad})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._edges != ():
            raise GraphError("only leaves can be copied or pickled, not a graph: make a Value of its data")
        return _rebuild, (self.data, self._requires_grad, self.grad)


def _rebuild(data: float, requires_grad: bool, grad: Any) -> Value:
    value = Value(data, requires_grad)
    value.grad = grad
    return value


Value.kind = Value
add_methods(Value, lambda operation: operation.is_scalar)
