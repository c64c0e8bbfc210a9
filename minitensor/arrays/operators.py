"""Python's arithmetic operators, for Value and Tensor: each leads to a rule of rules/arithmetic.py."""

from __future__ import annotations

from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from minitensor import rules
from minitensor.arrays.extend import extend
from minitensor.core.graph import NO_ATTRS, Node
from minitensor.core.rule import registry
from minitensor.methods import TensorMethods, ValueMethods

Constant: TypeAlias = float | np.number[Any] | NDArray[Any]

# Looked up once: an operator is where the time of small numbers goes.
_absolute = registry["absolute"]
_add = registry["add"]
_divide = registry["divide"]
_floor_divide = registry["floor_divide"]
_multiply = registry["multiply"]
_negative = registry["negative"]
_power = registry["power"]
_remainder = registry["remainder"]
_subtract = registry["subtract"]


@extend(ValueMethods, TensorMethods)
class Operators(Node):
    """x + y and its like. Each applies an operation, on the left or on the right."""

    __slots__ = ()

    def __add__(self, other: Self | Constant) -> Any:
        return self.apply(_add, (self, other), NO_ATTRS)

    def __radd__(self, other: Constant) -> Any:
        return self.apply(_add, (other, self), NO_ATTRS)

    def __sub__(self, other: Self | Constant) -> Any:
        return self.apply(_subtract, (self, other), NO_ATTRS)

    def __rsub__(self, other: Constant) -> Any:
        return self.apply(_subtract, (other, self), NO_ATTRS)

    def __mul__(self, other: Self | Constant) -> Any:
        return self.apply(_multiply, (self, other), NO_ATTRS)

    def __rmul__(self, other: Constant) -> Any:
        return self.apply(_multiply, (other, self), NO_ATTRS)

    def __truediv__(self, other: Self | Constant) -> Any:
        return self.apply(_divide, (self, other), NO_ATTRS)

    def __rtruediv__(self, other: Constant) -> Any:
        return self.apply(_divide, (other, self), NO_ATTRS)

    def __pow__(self, other: Self | Constant) -> Any:
        return self.apply(_power, (self, other), NO_ATTRS)

    def __rpow__(self, other: Constant) -> Any:
        return self.apply(_power, (other, self), NO_ATTRS)

    def __mod__(self, other: Self | Constant) -> Any:
        return self.apply(_remainder, (self, other), NO_ATTRS)

    def __rmod__(self, other: Constant) -> Any:
        return self.apply(_remainder, (other, self), NO_ATTRS)

    def __floordiv__(self, other: Self | Constant) -> Any:
        return self.apply(_floor_divide, (self, other), NO_ATTRS)

    def __rfloordiv__(self, other: Constant) -> Any:
        return self.apply(_floor_divide, (other, self), NO_ATTRS)

    def __neg__(self) -> Any:
        return self.apply(_negative, (self,), NO_ATTRS)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return self.apply(_absolute, (self,), NO_ATTRS)

    def __round__(self, decimals: int | None = None) -> Any:
        return rules.round(self, decimals or 0)
