"""The words that rules are written in: what an annotation means, and the two simplest local gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from minitensor.operation import rule as rule

# A parameter with one of these four annotations is an input, every other parameter an attribute.
Number: TypeAlias = Any  # float, Value, ndarray or Tensor: the operation is elementwise
Float: TypeAlias = Any  # a Number, of which integers become float32 first
Array: TypeAlias = Any  # ndarray or Tensor
FloatArray: TypeAlias = Any  # an Array, of which integers become float32 first

Axis: TypeAlias = int | tuple[int, ...] | None
Shape: TypeAlias = tuple[int, ...]
Local: TypeAlias = Callable[[Any], Any]
Unary: TypeAlias = tuple[Any, Local]
Binary: TypeAlias = tuple[Any, Local, Local]


def unchanged(g: Number) -> Number:
    """The local gradient of whatever adds its input to something."""
    return g
