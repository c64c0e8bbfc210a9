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


def one_axis(name: str, axis: Any, of: Shape | int) -> int:
    """An axis, counted from the front, of a shape (or of a result with so many axes).

    >>> one_axis("sum", -1, (2, 3))
    1
    """
    i, ndim = _integer(name, "an axis is an integer", axis), of if isinstance(of, int) else len(of)
    if not -ndim <= i < ndim:
        where = f"the result, which has {of} axes" if isinstance(of, int) else f"shape {of}"
        raise ShapeError(f"{name}: axis {i} does not exist in {where}")
    return i % ndim


def several_axes(name: str, axis: Any, of: Shape | int) -> list[int]:
    """One axis or several, counted from the front, each once.

    >>> several_axes("flip", [0, -1], (2, 3))
    [0, 1]
    """
    found = [one_axis(name, a, of) for a in _listed(axis)]
    for i in found:
        if found.count(i) > 1:
            raise ShapeError(f"{name}: axis {i} is named twice in {axis}")
    return found


def along(name: str, axis: Any, shape: Shape) -> Any:
    """One axis; None, which often means all elements as one row, stays None."""
    if axis is None or (type(axis) is int and -len(shape) <= axis < len(shape)):
        return axis
    if shape == ():
        _without_axes(name, axis)
        return 0
    return one_axis(name, axis, shape)


def reduced(name: str, axis: Any, shape: Shape) -> Any:
    """One axis as an integer, several as a tuple; None, which means all, stays None.

    >>> reduced("sum", np.array([0, -1]), (2, 3, 4))
    (0, 2)
    """
    if axis is None or (type(axis) is int and -len(shape) <= axis < len(shape)):
        return axis
    if shape == ():
        _without_axes(name, axis)
        return ()
    return tuple(several_axes(name, axis, shape)) if _are_several(axis) else one_axis(name, axis, shape)


def integers(name: str, what: str, x: Any) -> tuple[int, ...]:
    """One integer or several, such as repeats, as a tuple.

    >>> integers("tile", "reps", [2, np.int64(3)])
    (2, 3)
    """
    return tuple([_integer(name, f"{what}: integers are needed", i) for i in _listed(x)])


def _without_axes(name: str, axis: Any) -> None:
    for a in axis if _are_several(axis) else (axis,):
        if _integer(name, "an axis is an integer", a) not in (0, -1):
            raise ShapeError(f"{name}: axis {a} does not exist in shape ()")


def _are_several(axis: Any) -> bool:
    return isinstance(axis, tuple | list | range) or getattr(axis, "ndim", 0) > 0


def _listed(x: Any) -> list[Any]:
    if not _are_several(x):
        return [x]
    return x.tolist() if hasattr(x, "tolist") else list(x)


def _integer(name: str, need: str, x: Any) -> int:
    try:
        if not isinstance(x, bool | np.bool_):
            return index(x)
    except TypeError:
        pass
    raise DTypeError(f"{name}: {need}, not {type(x).__name__}")
