"""Which axes an argument means: checked and worded here, for every operation that takes any.

An axis is an integer of Python's or NumPy's, and counts from the end if negative; several are a tuple, a list
or an array of them. What reduces, or works along an axis, takes a 0-d array as if it had one, as NumPy and
PyTorch do: axis 0 or −1, and no other.
"""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from minitensor.errors import DTypeError, ShapeError
from minitensor.rules.notation import Shape


def one_axis(name: str, axis: Any, of: Shape, ndim: int | None = None) -> int:
    """An axis of a shape, counted from the front; or of a result that has `ndim` axes.

    >>> one_axis("sum", -1, (2, 3))
    1
    """
    n = len(of) if ndim is None else ndim
    i = axis if type(axis) is int else _integer(name, "an axis is an integer", axis)
    if not -n <= i < n:
        where = f"shape {of}" if n == len(of) or not of else f"the result, which has {n} axes"
        raise ShapeError(f"{name}: axis {i} does not exist in {where}")
    return i % n


def several_axes(name: str, axis: Any, of: Shape, ndim: int | None = None) -> list[int]:
    """One axis or several, counted from the front, each once.

    >>> several_axes("flip", [0, -1], (2, 3))
    [0, 1]
    """
    if _are_plain(axis, len(of) if ndim is None else ndim):
        return list(axis)
    found = [one_axis(name, a, of, ndim) for a in listed(axis)]
    if len(found) > 1 and len(set(found)) < len(found):
        twice = next(i for i in found if found.count(i) > 1)
        raise ShapeError(f"{name}: axis {twice} is named twice in {axis}")
    return found


def along(name: str, axis: Any, shape: Shape) -> Any:
    """One axis; None, which often means all elements as one row, stays None."""
    if axis is None or (type(axis) is int and -len(shape) <= axis < len(shape)):
        return axis
    return one_axis(name, axis, shape, len(shape) or 1)


def reduced(name: str, axis: Any, shape: Shape) -> Any:
    """One axis as an integer, several as a tuple; None, which means all, stays None.

    >>> reduced("sum", np.array([0, -1]), (2, 3, 4))
    (0, 2)
    """
    if axis is None or (type(axis) is int and -len(shape) <= axis < len(shape)):
        return axis
    if _are_plain(axis, len(shape)):
        return axis
    if not are_several(axis):
        found = one_axis(name, axis, shape, len(shape) or 1)
        return found if shape else ()
    several = tuple(several_axes(name, axis, shape, len(shape) or 1))
    return several if shape else ()


def by_dim(name: str, axis: Any, keepdims: bool, dim: Any, keepdim: bool | None) -> tuple[Any, bool, bool]:
    """The axis, whether it stays, and whether it was said in PyTorch's words, whose ways are meant then.

    >>> by_dim("max", None, False, 1, True), by_dim("max", 1, False, None, None)
    ((1, True, True), (1, False, False))
    """
    if axis is not None and dim is not None:
        raise DTypeError(f"{name}: axis and dim mean the same argument")
    axis = axis if dim is None else dim
    by_torch = dim is not None or (keepdim is not None and axis is not None)
    return axis, keepdims if keepdim is None else bool(keepdim), by_torch


def integers(name: str, what: str, x: Any) -> tuple[int, ...]:
    """One integer or several, such as repeats, as a tuple.

    >>> integers("tile", "reps", [2, np.int64(3)])
    (2, 3)
    """
    return tuple([_integer(name, f"{what}: integers are needed", i) for i in listed(x)])


def one_integer(name: str, what: str, x: Any) -> int:
    """One integer, such as a number of elements.

    >>> one_integer("topk", "k", np.int64(2))
    2
    """
    return _integer(name, f"{what}: one integer is needed", x)


def one_number(name: str, what: str, x: Any) -> float:
    """One real number, such as an exponent.

    >>> one_number("norm", "ord", np.float32(3))
    3.0
    """
    try:
        if not isinstance(x, bool | np.bool_ | str | bytes) and getattr(x, "ndim", 0) == 0:
            return float(x)
    except (TypeError, ValueError):
        pass
    raise DTypeError(f"{name}: {what}: one number is needed, not {type(x).__name__}")


def _are_plain(axis: Any, n: int) -> bool:
    """Whether this is a tuple of different integers from 0 to n − 1, as most are: nothing is left to do."""
    if type(axis) is not tuple:
        return False
    for i in axis:
        if type(i) is not int or not 0 <= i < n:
            return False
    return len(axis) < 2 or len(set(axis)) == len(axis)


def are_several(axis: Any) -> bool:
    """Whether these are several, or one in a list."""
    return isinstance(axis, _SEVERAL) or getattr(axis, "ndim", 0) > 0


_SEVERAL = (tuple, list, range)  # made once


def listed(x: Any) -> list[Any]:
    """One or several, as a list."""
    if not are_several(x):
        return [x]
    return x.tolist() if hasattr(x, "tolist") else list(x)


def _integer(name: str, need: str, x: Any) -> int:
    try:
        if not isinstance(x, bool | np.bool_):
            return index(x)
    except TypeError:
        pass
    raise DTypeError(f"{name}: {need}, not {type(x).__name__}")
