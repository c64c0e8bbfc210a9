"""Which dtype an operation on several tensors computes in, as in PyTorch; and what rules may return."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitensor.arguments import plain
from minitensor.arrays.extend import extend
from minitensor.core.graph import Node
from minitensor.core.rule import Operation
from minitensor.core.tensor import Tensor
from minitensor.core.watcher import here
from minitensor.errors import DTypeError
from minitensor.methods import TensorMethods
from minitensor.ndarrays import Array, array_of, check_numeric, is_array

_WEAK = (float, int, bool)
"""Python's numbers take the dtype of the array they meet."""
_RANK = {"b": 0, "u": 1, "i": 1, "f": 2}
_FLOAT32 = np.dtype(np.float32)


@extend(TensorMethods)
class Promotion(Tensor):
    """What Tensor.apply does with inputs that are not all of one floating-point dtype."""

    __slots__ = ()

    @classmethod
    def _promoted(cls, operation: Operation, args: tuple[Any, ...], attrs: dict[str, Any]) -> tuple[Any, ...]:
        """The arguments, with the inputs of an operation brought to one dtype, and its options as Python's.

        A np.float64 among them would widen float32.
        """
        args = tuple(map(plain, args))
        inputs = args[operation.inputs]
        beside_a_float = float in [type(x) for x in (*args, *attrs.values())]  # as integers * 2.5
        floats = operation.floats or (operation.is_scalar and beside_a_float)
        stop = operation.inputs.stop
        rest = () if stop is None else args[stop:]
        return (*args[: operation.inputs.start], *promote(operation, inputs, floats), *rest)

    @classmethod
    def _value_of(cls, operation: Operation, outputs: Any, args: tuple[Any, ...]) -> Array:
        """The value among what a rule returned; NumPy's reductions return a number."""
        return _numeric(operation.name, "a rule's value is", operation.value_of(outputs, args))

    def _gradient_of(self, maker: Node, part: Any) -> Any:
        """What a local gradient of a node returned, if that can be a gradient."""
        if isinstance(part, Tensor):
            return part if here.state.recording else part.data
        return _numeric(maker.made_by, "a local gradient returns", part)


def _numeric(name: str, what: str, x: Any) -> Array:
    """An array of real numbers; NumPy's reductions return a number."""
    array = np.asarray(x) if isinstance(x, np.ndarray | np.generic | float | int) else x
    if is_array(array) and array.dtype.kind in _RANK:
        return array
    found = f"of {array.dtype}" if is_array(array) else f"but a {type(x).__name__}"
    raise DTypeError(f"{name}: {what} no array of real numbers, {found}")


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
        if isinstance(x, Node):
            if not hasattr(x, "dtype"):
                raise DTypeError(f"{operation.name}: cannot mix Value and Tensor. Take .data of the Value.")
            typed.append(x)
        elif x is None:
            if not operation.optional:
                raise DTypeError(f"{operation.name}: None is no number")
        elif type(x) not in _WEAK:
            array = array_of(x)
            check_numeric(array, x)
            if array.dtype.kind == "f" and not is_array(x):
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
    return [x if x is None or type(x) in _WEAK or x.dtype is dtype else x.astype(dtype) for x in values]
