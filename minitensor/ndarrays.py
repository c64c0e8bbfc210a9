"""What the engine must know of NumPy's arrays: how numbers become one, and who else sees its memory."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache, partial
from sys import getrefcount
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, TypeAlias
from weakref import getweakrefcount

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minitensor.errors import DTypeError, ShapeError

Array: TypeAlias = NDArray[Any]
_ndarray = np.ndarray


def is_array(x: object) -> bool:
    """Whether x is an array, NumPy's own or another kind with its protocols, and no single number.

    >>> is_array(np.zeros(2)), is_array(np.float64(2)), is_array([2])
    (True, False, False)
    """
    return type(x) is _ndarray or (hasattr(x, "strides") and not isinstance(x, np.generic))


def array_of(x: Any) -> Any:
    """Numbers as NumPy makes an array of them; an array, of whatever kind, itself."""
    return x if is_array(x) else np.asarray(x)


def as_array(data: Any, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
    """Numbers as an array: an array keeps its dtype, Python floats become float32.

    Raises:
        DTypeError: If they are no real numbers.
        ShapeError: If they are lists of several lengths.
    """
    if is_array(data) and not isinstance(data, np.ndarray):
        return data.astype(data.dtype if dtype is None else dtype, copy=bool(copy))
    try:
        array = np.array(data, dtype=dtype, copy=copy)
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        raise ShapeError("a list for a tensor holds rows of one length, and this one of several") from error
    check_numeric(array, data)
    if dtype is None and array.dtype == np.float64 and not isinstance(data, np.ndarray | np.generic):
        return array.astype(np.float32)
    return array


def check_numeric(array: Array, data: object) -> None:
    """Refuse arrays of what is no real number; `data` is what they were made of."""
    if array.dtype.kind not in "biuf":
        hint = " Complex numbers are not supported." if array.dtype.kind == "c" else ""
        raise DTypeError(
            f"a tensor holds real numbers, and {type(data).__name__} "
            f"makes an array of dtype {array.dtype}.{hint}"
        )


def order_in_memory(array: Array) -> list[int]:
    """The axes by how far apart their elements are in memory: transposed so, an array is in C's order.

    >>> order_in_memory(np.zeros((2, 3))), order_in_memory(np.zeros((2, 3)).T)
    ([0, 1], [1, 0])
    """
    axes = list(range(array.ndim))
    return axes if array.flags.c_contiguous else sorted(axes, key=lambda axis: -abs(array.strides[axis]))


# ------------------------------------------------------------------------------------ who holds it


def is_only_here(array: Array) -> bool:
    """Whether nobody but the caller, by one name, holds this array, and nobody else its memory.

    Python counts the references to each object, and nobody can see an array without one.
    """
    if getrefcount(array) != _BY_ONE_NAME or getweakrefcount(array):
        return False
    flags, base = array.flags, array.base
    if base is None or not flags.writeable:
        return flags.owndata and flags.writeable
    alone = type(base) is np.ndarray and base.flags.owndata and getrefcount(base) == _BY_ONE_VIEW
    return alone and 0 not in array.strides  # a view may also show one element twice


def _probe(array: Array) -> tuple[int, int]:
    return _count(array)


def _count(array: Array) -> tuple[int, int]:
    base = array.base
    return getrefcount(array), getrefcount(base)


_BY_ONE_NAME, _BY_ONE_VIEW = _probe(np.empty((1, 2)).T)


def may_reach(function: Callable[..., Any], array: Array) -> bool:
    """Whether a function may keep memory of an array; True wherever that cannot be told."""
    found, everything = captured(function)
    return not everything or any([np.may_share_memory(x, array) for x in found])


def captured(function: Callable[..., Any]) -> tuple[list[Array], bool]:
    """The arrays that a function can reach, and whether it can reach nothing else that might hold one.

    Closures, default arguments, bound objects, partial arguments, containers and global names are followed;
    libraries keep none.
    """
    arrays: list[Array] = []
    everything = True
    queue: list[Any] = [function]
    seen = {id(function)}
    for item in queue:  # grows while it is walked
        item = getattr(item, "stands_for", item) if isinstance(item, FunctionType) else item
        inside: Iterable[Any] = ()
        if is_array(item) and item.dtype != object:
            arrays.append(item)
        elif isinstance(item, FunctionType):
            inside = _inside(item)
        elif isinstance(item, list | tuple | set | frozenset):
            inside = item
        elif isinstance(item, dict):
            inside = [*item.keys(), *item.values(), getattr(item, "default_factory", None)]
        elif isinstance(item, slice):
            inside = (item.start, item.stop, item.step)
        elif isinstance(item, partial):
            inside = (item.func, item.args, item.keywords)
        elif isinstance(item, MethodType):
            inside = (item.__func__, item.__self__)
        elif isinstance(item, BuiltinFunctionType) and not isinstance(item.__self__, ModuleType | type(None)):
            inside = (item.__self__,)  # such as array.dot
        elif isinstance(item, _CACHED):
            inside = (item.__wrapped__,)
        elif not isinstance(item, _WITHOUT_ARRAYS) and not _is_of_a_library(item):
            everything = False
        inside = [*inside, *getattr(item, "__dict__", {}).values()] if isinstance(item, _HOLDERS) else inside
        new = [x for x in inside if id(x) not in seen]
        seen.update([id(x) for x in new])
        queue += new
    return arrays, everything


def _inside(function: FunctionType) -> Iterator[Any]:
    """What a function holds, and what it names outside itself."""
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # an empty cell
            yield cell.cell_contents
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    yield from vars(function).values()
    for name in _global_names(function.__code__):
        x = function.__globals__.get(name)
        if not (isinstance(x, FunctionType | type | ModuleType) and _is_of_a_library(x)):
            yield x


@lru_cache(maxsize=1024)
def _global_names(code: CodeType) -> frozenset[str]:
    from dis import get_instructions  # 5 ms, for whoever must know

    own = {step.argval for step in get_instructions(code) if step.opname == "LOAD_GLOBAL"}
    inner = [_global_names(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return frozenset(own.union(*inner))


def _is_of_a_library(x: object) -> bool:
    """Whether a function, class or module is Python's, NumPy's or this project's: those keep no arrays."""
    if not isinstance(x, FunctionType | BuiltinFunctionType | ModuleType | type | np.ufunc | _DISPATCHED):
        return False
    name = x.__name__ if isinstance(x, ModuleType) else getattr(x, "__module__", None) or "numpy"
    root = name.partition(".")[0]
    return root in ("minitensor", "numpy", "scipy") or root in sys.stdlib_module_names


_HOLDERS = (list, tuple, set, frozenset, dict, partial, np.ndarray)  # subclasses may have attributes too
_CACHED = type(_global_names)
_DISPATCHED = type(np.where)
_WITHOUT_ARRAYS = (int, float, complex, str, bytes, type(None), type(...), range, np.generic, np.dtype)
