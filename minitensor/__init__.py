"""minitensor: a NumPy-backed tensor autograd framework.

A gradient rule is written once, in plain NumPy (rules/). On floats it is scalar backpropagation (`Value`),
on arrays it is tensor backpropagation (`Tensor`): tensors add parallel computation, the gradient logic stays
the same.

Importing this needs only NumPy; `minitensor.nn`, `minitensor.optim` and `minitensor.data` load at first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from minitensor.creation import *
from minitensor.debugging import debug as debug
from minitensor.errors import CheckpointError as CheckpointError
from minitensor.errors import CompileError as CompileError
from minitensor.errors import DataError as DataError
from minitensor.errors import DTypeError as DTypeError
from minitensor.errors import GradcheckError as GradcheckError
from minitensor.errors import GraphError as GraphError
from minitensor.errors import NumericError as NumericError
from minitensor.errors import OptionError as OptionError
from minitensor.errors import ShapeError as ShapeError
from minitensor.functional import *
from minitensor.gradcheck import gradcheck as gradcheck
from minitensor.graph import is_grad_enabled as is_grad_enabled
from minitensor.graph import no_grad as no_grad
from minitensor.losses import *
from minitensor.operation import composite as composite
from minitensor.operation import registry as registry
from minitensor.operation import rule as rule
from minitensor.random import manual_seed as manual_seed
from minitensor.rules import *  # every operation: rules.__all__ is made from the registry
from minitensor.tensor import Tensor as Tensor
from minitensor.value import Value as Value

if TYPE_CHECKING:
    from minitensor import data as data
    from minitensor import nn as nn
    from minitensor import optim as optim
    from minitensor.compiler import compile as compile

__version__ = "0.1.0"

_ROOMS = ("data", "nn", "optim")


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"minitensor.{name}")
    if name == "compile":
        return import_module("minitensor.compiler").compile
    raise AttributeError(f"module 'minitensor' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_ROOMS, "compile"])
