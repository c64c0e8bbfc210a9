"""The words that rules are written in: what stands in their annotations, and what several of them need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Number: TypeAlias = Any  # float, Value, ndarray or Tensor
Array: TypeAlias = Any  # ndarray or Tensor
Axis: TypeAlias = int | tuple[int, ...] | None
Shape: TypeAlias = tuple[int, ...]
Local: TypeAlias = Callable[[Any], Any]
Unary: TypeAlias = tuple[Any, Local]
Binary: TypeAlias = tuple[Any, Local, Local]


def unchanged(g: Number) -> Number:
    """The local gradient of whatever adds its input to something."""
    return g
