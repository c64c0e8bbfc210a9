"""Value: a node whose data is one Python float. Scalar backpropagation, as in micrograd."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from minitensor.core.graph import (
    NO_ATTRS,
    Node,
    no_flow,
    origin,
    propagate,
    tick,
    write_tick,
)
from minitensor.core.methods import ValueMethods
from minitensor.core.rule import Operation
from minitensor.core.watcher import here
from minitensor.errors import DTypeError, GraphError

_new = object.__new__


class Value(Node, ValueMethods["Value"]):
    """One number that remembers how it was computed. Its operators and methods: see core/methods.py.

    Args:
        data: The number; kept as a Python float.
        requires_grad: Whether `backward` should compute its gradient.

    Every Value of the graph, not only the leaves, keeps its gradient in `.grad` (0.0 before `backward`), and
    further calls add to it.

    A Value keeps no edges: `backward` runs its rule again for them. Millions of closures would keep Python's
    garbage collector busy, which walks through all of them again and again; that costs more than it saves.

    >>> x = Value(2.0)
    >>> y = (x * 3 + 1).tanh()
    >>> y.backward()
    >>> round(x.grad, 6)
    1e-05
    """

    __slots__ = ("_data", "_written", "grad")

    _data: float
    _written: int  # the tick at which data was last assigned; not set before

    def __init__(self, data: float, requires_grad: bool = True) -> None:
        self._data = float(data)
        self.grad = 0.0
        self._requires_grad = requires_grad
        self._operation = self._edges = None
        self._args = ()
        self._attrs = NO_ATTRS
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
        self, gradient: float = 1.0, *, retain_graph: bool | None = None, create_graph: bool = False
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
    def apply(cls, operation: Operation, args: tuple[Any, ...], attrs: dict[str, Any]) -> Value:
        """Run a rule on the numbers inside Values, and make its value a node that knows the way back."""
        if not operation.is_scalar:
            raise DTypeError(f"{operation.name}: takes tensors and arrays, not a Value")
        data, requires_grad = [], False
        for arg in args:
            if isinstance(arg, Value):
                data.append(arg._data)
                requires_grad = requires_grad or arg._requires_grad
            elif isinstance(arg, np.generic):  # a np.float32 would narrow what it meets
                return cls.apply(operation, tuple([_plain(x) for x in args]), attrs)
            else:
                data.append(arg)
        state = here.state
        try:
            if state.watcher is None:
                outputs = operation.function(*data, **attrs)
            else:
                outputs = state.watcher.run(operation, args, data, attrs)
        except (AttributeError, TypeError) as error:
            raise operation.fault(data, error) from error
        x = outputs[0] if type(outputs) is tuple else None
        if type(x) is not float:
            x = _as_float(x, operation)
        node = _new(Value)
        node._data = x
        node.grad = 0.0
        if requires_grad and state.recording and len(outputs) > 1:
            if None in outputs or len(outputs) <= len(args):
                _check_flow(operation, args, outputs)
            node._requires_grad = True
            node._operation, node._args, node._attrs = operation, args, attrs
            node._tick = tick()
        else:
            node._requires_grad = False
            node._operation, node._args, node._attrs = None, (), NO_ATTRS
            node._tick = 0
        node._edges = None
        if state.watcher is not None:
            state.watcher.made(node, operation, args)
        return node

    def _pass_on(self, gradient: float, gradients: dict[Node, float]) -> None:
        args: Any = self._args
        operation: Any = self._operation
        data = [arg._data if isinstance(arg, Value) else arg for arg in args]
        outputs = operation.function(*data, **self._attrs)
        for place, parent in enumerate(args, 1):
            if isinstance(parent, Value) and parent._requires_grad:
                part = outputs[place](gradient)
                if type(part) is not float:
                    part = _as_float(part, operation)
                held = gradients.get(parent)
                gradients[parent] = part if held is None else held + part

    def _check_unchanged(self, run_again: bool) -> None:
        for arg in self._args or ():
            if isinstance(arg, Value) and getattr(arg, "_written", 0) > self._tick:
                raise GraphError(
                    f"backward(): {self.made_by} needs an input whose data was overwritten after the forward "
                    f"pass. Run backward() before updating.{origin(self)}"
                )

    def _add(self, held: Any, part: Any, maker: Node) -> Any:
        if not isinstance(part, Value):
            part = _as_float(part, maker._operation)
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


def _as_float(x: Any, operation: Operation | None) -> float:
    """A number that a rule returned: NumPy's functions return NumPy's scalars."""
    if isinstance(x, np.generic | np.ndarray | int | float) and not np.ndim(x):
        return float(x)
    name = operation.name if operation else "backward()"
    if isinstance(x, Node | np.ndarray):
        raise DTypeError(f"{name}: a Value meets only Values and numbers; for arrays use Tensor")
    raise DTypeError(
        f"{name}: on Values a rule returns (number, *local gradients), and those return numbers, "
        f"not {type(x).__name__}"
    )


def _check_flow(operation: Operation, args: tuple[Any, ...], outputs: tuple[Any, ...]) -> None:
    for place, arg in enumerate(args, 1):
        if (
            isinstance(arg, Value)
            and arg._requires_grad
            and (place >= len(outputs) or outputs[place] is None)
        ):
            raise no_flow(operation, place)


def _plain(x: Any) -> Any:
    return x.item() if isinstance(x, np.generic) else x
