"""Value: a node whose data is one Python float. Scalar backpropagation, as in micrograd."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitensor.arguments import plain
from minitensor.core.graph import NO_ATTRS, Node, propagate, tick
from minitensor.core.rule import Operation
from minitensor.core.watcher import here
from minitensor.errors import DTypeError
from minitensor.methods import ValueMethods

_new = object.__new__


class Value(ValueMethods["Value"], Node):
    """One number that remembers how it was computed. Its operators and methods: see minitensor/methods.py.

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

    __slots__ = ("_data", "_label", "_made_from", "_written", "grad")
    _data: float
    _made_from: tuple[Any, ...]  # the arguments, also after the graph was freed, for who draws it
    _written: int  # the tick at which data was last assigned; not set before

    def __init__(self, data: float, requires_grad: bool = True, label: str = "") -> None:
        self._data, self._label = float(data), label
        self.grad = 0.0
        self._requires_grad = requires_grad
        self._operation = self._edges = None
        self._args, self._attrs, self._tick = (), NO_ATTRS, 0

    def backward(
        self, gradient: float = 1.0, *, retain_graph: bool | None = None, create_graph: bool = False
    ) -> None:
        """Add d self / d v · gradient to `v.grad`, for every Value `v` that self was computed from.

        Arguments and errors are those of Tensor.backward; with `create_graph`, gradients become Values.
        """
        seed = Value(gradient, requires_grad=False) if create_graph else float(gradient)
        keep = create_graph if retain_graph is None else retain_graph
        receive = Value._receive if here.state.watcher is None else Value._receive_watched
        propagate(self, seed, receive, keep, create_graph)

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
                return cls.apply(operation, tuple(map(plain, args)), attrs)
            else:
                data.append(arg)
        state = here.state
        try:
            if state.watcher is None:
                outputs = operation.function(*data, **attrs)
            else:
                outputs = state.watcher.run(operation, args, data, attrs)
        except (AttributeError, TypeError) as error:
            operation.fail(data, error)
        x = outputs[0] if type(outputs) is tuple and outputs else None
        if type(x) is not float:
            x = cls._number_of(operation, x)
        node = _new(Value)
        node._data = x
        node.grad = 0.0
        if requires_grad and state.recording and len(outputs) > 1:
            if None in outputs or len(outputs) <= len(args):
                cls._check_flow(operation, args, outputs)
            node._requires_grad = True
            node._operation, node._args, node._made_from, node._attrs = operation, args, args, attrs
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
                    part = self._number_of(operation, part)
                held = gradients.get(parent)
                gradients[parent] = part if held is None else held + part

    def _add(self, held: Any, part: Any, maker: Node) -> Any:
        """Only of the seed, with create_graph, or if a watcher gave edges; else _pass_on adds."""
        if not isinstance(part, Value):
            part = self._number_of(maker._operation, part)
            part = Value(part, requires_grad=False) if here.state.recording else part
        return part if held is None else held + part

    def _receive(self, gradient: Any) -> None:
        held = self.grad
        self.grad = gradient if held is None else held + gradient
