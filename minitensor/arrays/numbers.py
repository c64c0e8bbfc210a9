"""What a Value has because numbers have it: comparison, conversion, and how it prints."""

from __future__ import annotations

from minitensor.arrays.extend import extend
from minitensor.core.methods import ValueMethods
from minitensor.core.value import Value


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
