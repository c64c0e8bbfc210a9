"""What a Value has because numbers have it: comparison, conversion, and how it prints."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from minitensor.arrays.extend import extend
from minitensor.core.graph import Node, origin, write_tick
from minitensor.core.rule import Operation
from minitensor.core.value import Value
from minitensor.core.watcher import here
from minitensor.errors import DTypeError, GraphError
from minitensor.methods import ValueMethods


@extend(ValueMethods)
class Content(Value):
    """The number of a Value, read and written."""

    __slots__ = ()

    @property
    def data(self) -> float:
        """The number. Assigning another makes the graphs that were computed from it stale."""
        return self._data

    @data.setter
    def data(self, number: float) -> None:
        watcher = here.state.watcher
        if watcher is not None:
            number = watcher.assigns(self, "data", number)
        self._data = number if type(number) is float else float(number)
        self._written = write_tick()

    def _receive_watched(self, gradient: Any) -> None:
        """The same as _receive, which is too short to ask for a watcher each time."""
        if self._operation is None and here.state.watcher is not None:
            gradient = here.state.watcher.receives(self, gradient)
        self._receive(gradient)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Start, or stop, computing gradients for this leaf."""
        if self._operation:
            raise GraphError("requires_grad_(): only for leaves")
        self._requires_grad = requires_grad
        return self

    def _check_unchanged(self, run_again: bool) -> None:
        for arg in self._args or ():
            if isinstance(arg, Value) and getattr(arg, "_written", 0) > self._tick:
                raise GraphError(
                    f"backward(): {self.made_by} needs an input whose data was overwritten after the forward "
                    f"pass. Run backward() before updating.{origin(self)}"
                )


@extend(ValueMethods)
class Returned(Value):
    """What a rule may return for Values."""

    __slots__ = ()

    @classmethod
    def _number_of(cls, operation: Operation | None, x: Any) -> float:
        """A number that a rule returned: NumPy's functions return NumPy's scalars."""
        if isinstance(x, np.number | np.bool_ | np.ndarray | int | float) and not np.ndim(x):
            return float(x)
        name = operation.name if operation else "backward()"
        if isinstance(x, Node | np.ndarray):
            raise DTypeError(f"{name}: a Value meets only Values and numbers; for arrays use Tensor")
        raise DTypeError(
            f"{name}: on Values a rule returns (number, *local gradients), and those return numbers, "
            f"not {type(x).__name__}"
        )

    @classmethod
    def _check_flow(cls, operation: Operation, args: tuple[Any, ...], outputs: tuple[Any, ...]) -> None:
        for place, arg in enumerate(args, 1):
            flows = place < len(outputs) and outputs[place] is not None
            if isinstance(arg, Value) and arg._requires_grad and not flows:
                raise operation.no_flow(place)


@extend(ValueMethods)
class Numeric(Value):
    """A Value is compared and converted as its number; equal Values are still different nodes."""

    __slots__ = ()

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


@extend(ValueMethods)
class Drawn(Value):
    """What micrograd's programs that draw a graph ask for: also after backward."""

    __slots__ = ()

    @property
    def label(self) -> str:
        """What drawings call it.

        >>> from minitensor import Value
        >>> a = Value(2.0, label="a")
        >>> a.label
        'a'
        """
        return getattr(self, "_label", "")

    @label.setter
    def label(self, label: str) -> None:
        self._label = label

    @property
    def _prev(self) -> set[Value]:
        return {arg for arg in getattr(self, "_made_from", ()) if isinstance(arg, Value)}

    @property
    def _op(self) -> str:
        """The operation as micrograd writes it: "+", "*", "**2", "ReLU", "tanh", ...; empty for a leaf."""
        if self.made_by == "power" and not isinstance(self._made_from[1], Value):
            return f"**{self._made_from[1]}"
        return _SYMBOLS.get(self.made_by, self.made_by)


_SYMBOLS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "power": "**",
    "negative": "-",
    "relu": "ReLU",
}
