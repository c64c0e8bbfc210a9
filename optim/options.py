"""What optimizers and schedules are given: read, or refused, in one way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, TypedDict

from minitensor.core.graph import Node
from minitensor.errors import DTypeError, OptionError

NOT_NEGATIVE = (
    *("lr", "momentum", "weight_decay", "eps", "lr_decay", "initial_accumulator_value", "momentum_decay"),
)
_NUMBERS = (*NOT_NEGATIVE, "dampening", "alpha", "rho")


class Elsewhere(TypedDict, total=False):
    """Switches of PyTorch's optimizers between ways to the same numbers, of which there is one here."""

    foreach: bool | None
    fused: bool | None
    capturable: bool
    differentiable: bool


def without_elsewhere(name: str, options: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any]:
    """The options that mean something here.

    >>> without_elsewhere("SGD", {"lr": 0.1, "foreach": None}, ["lr"])
    {'lr': 0.1}

    Args:
        name: Whose options they are.
        options: The options by name.
        known: The names of those that it has.

    Raises:
        OptionError: If it has no such option, or one of PyTorch's switches is on.
    """
    known = list(known)
    unknown = sorted(options.keys() - {*known} - Elsewhere.__annotations__.keys())
    if unknown:
        raise OptionError(f"{name}: no option {', '.join(unknown)}. It has {', '.join(known)}.")
    for option in options.keys() & Elsewhere.__annotations__.keys():
        if options[option]:
            raise OptionError(
                f"{name}: {option}={options[option]!r} is for PyTorch, and means nothing here. Leave it out."
            )
    return {option: x for option, x in options.items() if option in known}


def listed(name: str, params: Any) -> list[Any]:
    """What an optimizer is given as parameters, in its order.

    >>> listed("SGD", {1.0, 2.0})
    Traceback (most recent call last):
    minitensor.errors.DTypeError: SGD: takes parameters, not a set. Pass a list: a set has no order to go by.
    """
    if callable(params) or not isinstance(params, Iterable) or isinstance(params, Node):
        cure = "a list of it" if isinstance(params, Node) else "model.parameters()"
        cure = "what it returns" if callable(params) and not hasattr(params, "parameters") else cure
    elif isinstance(params, AbstractSet):
        cure = "a list: a set has no order to go by"
    elif isinstance(params, Mapping):
        cure = "a list of it" if "params" in params else "model.parameters()"
    else:
        return list(params)
    raise DTypeError(f"{name}: takes parameters, not a {type(params).__name__}. Pass {cure}.")


def in_numbers(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options with Python's numbers for what tensors and arrays may say too, such as a learning rate.

    >>> import numpy as np
    >>> in_numbers("SGD", {"lr": np.array([0.5]), "nesterov": False})
    {'lr': 0.5, 'nesterov': False}
    """
    read: dict[str, Any] = {
        option: real(name, option, x) for option, x in options.items() if option in _NUMBERS
    }
    if "betas" in options:
        betas = options["betas"]
        if not isinstance(betas, tuple | list):
            raise DTypeError(f"{name}: betas must be a tuple of numbers, not {type(betas).__name__}")
        read["betas"] = tuple([real(name, "each of betas", beta) for beta in betas])
    return options | read


def number(need: str, x: Any, axes: float = math.inf) -> float:
    """One number: Python's, NumPy's, a Value's, or the only element of an array or tensor with few axes."""
    if type(x) is float:
        return x
    shape = getattr(x, "shape", None)
    try:
        found = x.item() if hasattr(x, "item") else x
        if not isinstance(found, str | bytes) and len(shape or ()) <= axes:
            return float(found)
    except (TypeError, ValueError):
        pass
    raise DTypeError(f"{need}, not {type(x).__name__}" + (f" of shape {tuple(shape)}" if shape else ""))


def real(name: str, option: str, x: Any) -> float:
    """An option that is one number. Python's own stay as they are.

    >>> real("SGD", "lr", "0.1")
    Traceback (most recent call last):
    minitensor.errors.DTypeError: SGD: lr must be a number, not str
    """
    return x if type(x) is int else number(f"{name}: {option} must be a number", x)


def count(name: str, option: str, x: Any, least: int = 1) -> int:
    """An option that is an integer, also one written as 3.0.

    >>> count("StepLR", "step_size", 0)
    Traceback (most recent call last):
    minitensor.errors.OptionError: StepLR: step_size must be an integer of at least 1, not 0
    """
    found = real(name, option, x)
    if not found >= least or found != math.floor(found):
        raise OptionError(f"{name}: {option} must be an integer of at least {least}, not {x}")
    return int(found)
