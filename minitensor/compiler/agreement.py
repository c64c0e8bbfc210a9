"""Do two traces of a step say the same? Only then is what they have in common a program."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitensor.compiler.traced import Array, AsNumber, AsTensor, Slot
from minitensor.compiler.tracer import Trace
from minitensor.core.tensor import Tensor


def difference(earlier: Trace, later: Trace) -> str | None:
    """The first thing in which two traces differ, in words; None if they agree.

    A tensor that was made within the step is another one at each run: where the two hold the same numbers, it
    becomes a constant of the later trace.
    """
    pairs: dict[Slot, Slot] = {}
    for one, two in zip(earlier.calls, later.calls, strict=False):
        where = f"in {two.line}, "
        if _name(one.function) != _name(two.function) or one.kind != two.kind:
            return f"{where}it called {_name(one.function)} and then {_name(two.function)}."
        fault = _differ((one.args, one.attrs), (two.args, two.attrs), pairs)
        if fault is not None:
            return f"{where}{_name(two.function)} was given {fault}."
        if one.result is not None and two.result is not None:
            if (one.result.shape, one.result.dtype) != (two.result.shape, two.result.dtype):
                return f"{where}{_name(two.function)} made {one.result.shape} and then {two.result.shape}."
            pairs[two.result] = one.result
    if len(earlier.calls) != len(later.calls):
        return f"it made {len(earlier.calls)} calls and then {len(later.calls)}."
    fault = _differ(earlier.result, later.result, pairs)
    return None if fault is None else f"it returned {fault}."


def _name(function: Any) -> str:
    owner = getattr(function, "__self__", None)
    prefix = f"{owner.__name__}." if isinstance(owner, np.ufunc) else ""
    return prefix + str(getattr(function, "__name__", function))


def _differ(one: Any, two: Any, pairs: dict[Slot, Slot]) -> str | None:
    if isinstance(one, AsTensor | AsNumber) and type(one) is type(two):
        one, two = one.slot, two.slot
    if isinstance(one, Slot) and isinstance(two, Slot):
        return _slots_differ(one, two, pairs)
    if type(one) is not type(two):
        return f"{type(one).__name__} and then {type(two).__name__}"
    if isinstance(one, tuple | list | dict):
        items = (one.values(), two.values()) if isinstance(one, dict) else (one, two)
        if len(one) != len(two):
            return "more and then fewer arguments"
        faults = [_differ(a, b, pairs) for a, b in zip(*items, strict=True)]
        return next((fault for fault in faults if fault is not None), None)
    if isinstance(one, np.ndarray):
        return None if _same(one, two) else f"a constant array of shape {two.shape}, which had changed"
    if isinstance(one, slice):
        return _differ((one.start, one.stop, one.step), (two.start, two.stop, two.step), pairs)
    if isinstance(one, Tensor) or callable(one):
        return None if one is two or _name(one) == _name(two) else "another tensor or function"
    equal = one is two or one == two or (one != one and two != two)
    return None if equal else f"{one!r} and then {two!r}"


def _slots_differ(one: Slot, two: Slot, pairs: dict[Slot, Slot]) -> str | None:
    if two in pairs:
        return None if pairs[two] is one else "another array"
    if (one.kind, one.shape, one.dtype, one.strides) != (two.kind, two.shape, two.dtype, two.strides):
        return f"an array of shape {one.shape} and then {two.shape}"
    pairs[two] = one
    if two.kind == "tensor" and one.held is not two.held:
        before, now = one.held._data, two.held._data
        if not _same(before, now):
            return f"a tensor of shape {two.shape}, made in the step, which had changed"
        two.kind, two.held = "constant", now
        return None
    return None if two.kind == "tensor" or one.held == two.held else "another argument"


def _same(x: Array, y: Array) -> bool:
    """Whether two arrays are the same memory, or hold the same."""
    if x is y or (x.ctypes.data, x.shape, x.strides) == (y.ctypes.data, y.shape, y.strides):
        return True
    return x.dtype == y.dtype and x.shape == y.shape and np.array_equal(x, y, equal_nan=x.dtype.kind == "f")
