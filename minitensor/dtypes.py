"""Which dtype a tensor has, and which one an operation on several computes in: PyTorch's convention."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minitensor.errors import DTypeError
from minitensor.graph import Node
from minitensor.operation import Operation
from minitensor.recording import ARRAYS, DuckArray, array_of

Array: TypeAlias = NDArray[Any]

WEAK = (float, int, bool)
"""Python's numbers take the dtype of the array they meet."""
_RANK = {"b": 0, "u": 1, "i": 1, "f": 2}
_FLOAT32 = np.dtype(np.float32)


def as_array(data: Any, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
    """Numbers as an array: an array keeps its dtype, Python floats become float32."""
    if isinstance(data, DuckArray):
        return data.astype(data.dtype if dtype is None else dtype, copy=bool(copy))  # type: ignore
    array = np.array(data, dtype=dtype, copy=copy)
    _check_numeric(array, data)
    if dtype is None and array.dtype == np.float64 and not isinstance(data, np.ndarray | np.generic):
        return array.astype(np.float32)
    return array


def _check_numeric(array: Array, data: Any) -> None:
    if array.dtype.kind not in _RANK:
        hint = " Complex numbers are not supported." if array.dtype.kind == "c" else ""
        raise DTypeError(
            f"a tensor holds real numbers, and {type(data).__name__} "
            f"makes an array of dtype {array.dtype}.{hint}"
        )


def needs_floats(operation: Operation, args: list[Any]) -> bool:
    """Whether integer inputs must become float32: for exp and the like, and beside a Python float."""
    return operation.floats or (operation.is_scalar and float in [type(x) for x in args])


def promote(operation: Operation, inputs: tuple[Any, ...], floats: bool) -> list[Any]:
    """Bring inputs of several dtypes to one, by PyTorch's convention; the conversion of a tensor is recorded.

    With `floats`, integers become float32.

    The highest kind (bool, integer, float) decides; within it, arrays with axes before 0-d ones. Numbers,
    NumPy's too, and lists of floats take the dtype they meet. So float32 stays float32 when it meets
    np.float64(2), a 0-d float64 array, integers, or [0.5, 1.5].
    """
    values: list[Any] = []
    typed: list[Any] = []  # those with a say
    lists_of_floats = False
    for x in inputs:
        if isinstance(x, np.generic):
            x = x.item()
        if isinstance(x, Node):
            if not hasattr(x, "dtype"):
                raise DTypeError(f"{operation.name}: cannot mix Value and Tensor. Take .data of the Value.")
            typed.append(x)
        elif x is None:
            if not operation.optional:
                raise DTypeError(f"{operation.name}: None is no number")
        elif type(x) not in WEAK:
            array = array_of(x)
            _check_numeric(array, x)
            if array.dtype.kind == "f" and not isinstance(x, ARRAYS):
                lists_of_floats = True
            else:
                typed.append(array)
            x = array
        values.append(x)
    dtype = _FLOAT32
    if typed:
        top = max(_RANK[x.dtype.kind] for x in typed)
        deciding = [x for x in typed if _RANK[x.dtype.kind] == top]
        dtype = np.result_type(*[x.dtype for x in deciding if x.ndim] or [x.dtype for x in deciding])
        if dtype.kind != "f" and (floats or lists_of_floats):
            dtype = _FLOAT32
    return [x if x is None or type(x) in WEAK or x.dtype is dtype else x.astype(dtype) for x in values]
