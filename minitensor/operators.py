"""What Value and Tensor share: Python's arithmetic operators and NumPy's protocols, each leading to a rule.

`2 * x`, `np.exp(x)` and `array + x` reach the same rule as `x * 2`, `x.exp()` and `x + array`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from minitensor import rules
from minitensor.errors import DTypeError
from minitensor.graph import Node, Operation, registry

Constant: TypeAlias = float | np.number[Any] | NDArray[Any]

_REDUCTIONS = {np.add: rules.sum, np.maximum: rules.max, np.minimum: rules.min}


class Arithmetic(Node):
    """A node with operators; each makes a new node."""

    __slots__ = ()

    def __add__(self, other: Self | Constant) -> Self:
        return rules.add(self, other)

    def __radd__(self, other: Constant) -> Self:
        return rules.add(other, self)

    def __sub__(self, other: Self | Constant) -> Self:
        return rules.subtract(self, other)

    def __rsub__(self, other: Constant) -> Self:
        return rules.subtract(other, self)

    def __mul__(self, other: Self | Constant) -> Self:
        return rules.multiply(self, other)

    def __rmul__(self, other: Constant) -> Self:
        return rules.multiply(other, self)

    def __truediv__(self, other: Self | Constant) -> Self:
        return rules.divide(self, other)

    def __rtruediv__(self, other: Constant) -> Self:
        return rules.divide(other, self)

    def __pow__(self, other: Self | Constant) -> Self:
        return rules.power(self, other)

    def __rpow__(self, other: Constant) -> Self:
        return rules.power(other, self)

    def __neg__(self) -> Self:
        return rules.negative(self)

    def __pos__(self) -> Self:
        return self

    def __abs__(self) -> Self:
        return rules.absolute(self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **attrs: Any) -> Any:
        if method == "__call__" and not attrs:
            return _operation_of(ufunc)(*args)
        if method == "reduce" and ufunc in _REDUCTIONS:
            return _REDUCTIONS[ufunc](*args, **{"axis": 0, **attrs})
        form = f".{method}" if method != "__call__" else f"({', '.join(attrs)}=...)"
        raise DTypeError(
            f"numpy.{ufunc.__name__}{form} has no gradient rule. Use .detach().numpy() to leave the graph."
        )

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> Any:
        return _operation_of(function)(*args, **attrs)


def _operation_of(function: Any) -> Callable[..., Any]:
    """The operation that records what a NumPy (or SciPy) function computes."""
    name = function.__name__
    operation = registry.get(name)
    if operation is None or (getattr(np, name, function) is not function):
        raise DTypeError(f"numpy.{name} has no gradient rule. Use .detach().numpy() to leave the graph.")
    return operation.call


def add_methods(cls: type[Node], wanted: Callable[[Operation], bool]) -> None:
    """Give a class one method for every registered operation that it wants and does not define."""
    for name, operation in registry.items():
        if operation.is_method and wanted(operation) and not hasattr(cls, name):
            setattr(cls, name, operation.call)
