"""The words that rules are written in: what stands in their annotations, and what several of them need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeAlias

from minitensor.core.graph import Node
from minitensor.core.rule import Local as Local
from minitensor.core.rule import registry

Number: TypeAlias = Any  # float, Value, ndarray or Tensor
Array: TypeAlias = Any  # ndarray or Tensor
Axis: TypeAlias = int | tuple[int, ...] | None
Shape: TypeAlias = tuple[int, ...]
Unary: TypeAlias = tuple[Any, Local]
Binary: TypeAlias = tuple[Any, Local, Local]
P = ParamSpec("P")


def on_nodes(*args: object) -> bool:
    """Whether any argument is a node: then a rule is being run again for gradients of gradients."""
    return any([isinstance(arg, Node) for arg in args])


def unchanged(g: Number) -> Number:
    """The local gradient of whatever adds its input to something."""
    return g


def alias(name: str, call: Callable[P, Any]) -> Callable[P, Any]:
    """Enter an operation under a second name, such as PyTorch's."""
    registry[name] = registry[call.__name__]
    return call
