"""What optimizers and schedules are given as numbers and switches: read, or refused, in one way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

from minitensor.errors import DTypeError, OptionError


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
