"""How the rooms of arrays/ give Value and Tensor what core/ defines them without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from minitensor.core.rule import registry
from minitensor.methods import TensorMethods, ValueMethods

C = TypeVar("C", bound=type)
_EVERY_CLASS_HAS = {"__module__", "__doc__", "__slots__", "__dict__", "__weakref__", "__qualname__"}


def extend(*kinds: type) -> Callable[[C], C]:
    """Decorate a class whose methods are for other classes: an extension, as some languages call it.

    The class itself has no instances. It derives from Node or Tensor so that type checkers know its `self`.
    """

    def give(room: C) -> C:
        for name, x in vars(room).items():
            if name not in _EVERY_CLASS_HAS:
                for kind in kinds:
                    setattr(kind, name, x)
        return room

    return give


def add_operations() -> None:
    """Give Tensor, and where it makes sense Value, each registered operation that is to be a method."""
    for name, operation in registry.items():
        kinds: list[Any] = [TensorMethods, ValueMethods] if operation.is_scalar else [TensorMethods]
        for kind in kinds:
            if operation.is_method and not hasattr(kind, name):
                setattr(kind, name, operation.call)
