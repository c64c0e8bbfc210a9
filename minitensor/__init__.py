"""minitensor: a NumPy-backed tensor autograd framework.

A gradient rule is written once, in plain NumPy (rules/). On floats it is scalar backpropagation (`Value`),
on arrays it is tensor backpropagation (`Tensor`): tensors add parallel computation, the gradient logic stays
the same. The engine is core/: begin with core/rule.py.

Importing this needs only NumPy; `minitensor.nn`, `minitensor.optim` and `minitensor.data` load at first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as _  # before all else: from deep within other imports it takes longer by a tenth

from minitensor.arrays import names
from minitensor.arrays.creation import *
from minitensor.context import enable_grad as enable_grad
from minitensor.context import inference_mode as inference_mode
from minitensor.context import is_grad_enabled as is_grad_enabled
from minitensor.context import no_grad as no_grad
from minitensor.context import set_grad_enabled as set_grad_enabled
from minitensor.core.rule import composite as composite
from minitensor.core.rule import registry as registry
from minitensor.core.rule import rule as rule
from minitensor.core.tensor import Tensor as Tensor
from minitensor.core.value import Value as Value
from minitensor.errors import CheckpointError as CheckpointError
from minitensor.errors import CompileError as CompileError
from minitensor.errors import DataError as DataError
from minitensor.errors import DTypeError as DTypeError
from minitensor.errors import GradcheckError as GradcheckError
from minitensor.errors import GraphError as GraphError
from minitensor.errors import NumericError as NumericError
from minitensor.errors import OptionError as OptionError
from minitensor.errors import ShapeError as ShapeError
from minitensor.gradcheck import gradcheck as gradcheck
from minitensor.instead import missing
from minitensor.random import manual_seed as manual_seed
from minitensor.rules import *  # every operation: rules.__all__ is made from the registry

if not TYPE_CHECKING:  # which know them as operations
    from minitensor.arrays.asking import *

if TYPE_CHECKING:
    from minitensor import autograd as autograd
    from minitensor import data as data
    from minitensor import nn as nn
    from minitensor import optim as optim
    from minitensor.compiler import compile as compile
    from minitensor.debugging import debug as debug
    from minitensor.func import *
    from minitensor.generators import Generator as Generator
    from minitensor.nn.functional import binary_cross_entropy as binary_cross_entropy
    from minitensor.nn.functional import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
    from minitensor.nn.functional import cross_entropy as cross_entropy
    from minitensor.nn.functional import hinge_loss as hinge_loss
    from minitensor.nn.functional import huber_loss as huber_loss
    from minitensor.nn.functional import kl_div as kl_div
    from minitensor.nn.functional import l1_loss as l1_loss
    from minitensor.nn.functional import mse_loss as mse_loss
    from minitensor.nn.functional import nll_loss as nll_loss
    from minitensor.nn.functional import smooth_l1_loss as smooth_l1_loss
    from minitensor.saving import load as load
    from minitensor.saving import save as save

__version__ = "0.1.0"

_ROOMS = ("autograd", "data", "func", "nn", "optim")
_ELSEWHERE = {
    "compile": "compiler",
    "debug": "debugging",
    "Generator": "generators",
    **dict.fromkeys(
        ["functional_call", "grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"], "func"
    ),
    **dict.fromkeys(
        [
            *[
                "binary_cross_entropy",
                "binary_cross_entropy_with_logits",
                "cross_entropy",
                "hinge_loss",
                "huber_loss",
                "kl_div",
            ],
            *["l1_loss", "mse_loss", "nll_loss", "smooth_l1_loss"],
        ],
        "nn.functional",
    ),
    **dict.fromkeys(["load", "save"], "saving"),
}
"""What loads at first use: by name, its room."""


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"minitensor.{name}")
    if name in _ELSEWHERE:
        return getattr(import_module(f"minitensor.{_ELSEWHERE[name]}"), name)
    if name in names.NAMES:
        return names.named(name)
    raise missing(__name__, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_ROOMS, *_ELSEWHERE, *names.NAMES])
