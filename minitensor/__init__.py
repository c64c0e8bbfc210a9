"""minitensor: a NumPy-backed tensor autograd framework.

A gradient rule is written once, in plain NumPy (rules.py). On floats it is scalar backpropagation (`Value`),
on arrays it is tensor backpropagation (`Tensor`): tensors add parallel computation, the gradient logic stays
the same.

Importing this needs only NumPy; `minitensor.nn`, `minitensor.optim` and `minitensor.data` load at first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from minitensor.errors import DTypeError, GradcheckError, GraphError, ShapeError
from minitensor.gradcheck import gradcheck
from minitensor.graph import is_grad_enabled, no_grad, registry, rule
from minitensor.random import manual_seed
from minitensor.rules import *  # every operation: rules.__all__ is made from the registry
from minitensor.tensor import Tensor
from minitensor.value import Value

if TYPE_CHECKING:
    from minitensor import data, nn, optim

__version__ = "0.1.0"

_ROOMS = ("data", "nn", "optim")


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"minitensor.{name}")
    raise AttributeError(f"module 'minitensor' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_ROOMS])
