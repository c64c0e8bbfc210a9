"""Values for optimizers: what `step` does to one tensor, it does to a vector of the Values' numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from minitensor.core.graph import write_tick
from minitensor.core.value import Value

Vector = NDArray[np.float64]


class ValueVector:
    """Values that look like one parameter, which is read from them and written into them.

    >>> a, b = Value(1.0), Value(2.0)
    >>> both = ValueVector([a, b])
    >>> both.data *= 10
    >>> a, b
    (Value(data=10.0, grad=0.0), Value(data=20.0, grad=0.0))
    """

    dtype = np.dtype(np.float64)
    made_by = ""
    is_leaf = True

    def __init__(self, values: Sequence[Value]) -> None:
        self.values = tuple(values)
        self.shape = (len(self.values),)

    @property
    def data(self) -> Vector:
        """The numbers."""
        return np.array([value._data for value in self.values])

    @data.setter
    def data(self, numbers: Vector) -> None:
        now = write_tick()
        for value, number in zip(self.values, numbers.tolist(), strict=True):
            if value._requires_grad:  # the others are frozen
                value._data, value._written = number, now

    @property
    def _grad(self) -> Vector:
        return np.array([float(value.grad or 0.0) for value in self.values])

    @_grad.setter
    def _grad(self, nothing: None) -> None:
        for value in self.values:
            value.grad = 0.0

    @property
    def requires_grad(self) -> bool:
        """Whether any of the Values requires grad."""
        return any(value.requires_grad for value in self.values)

    def __repr__(self) -> str:
        return f"ValueVector of {len(self.values)} Values"
