"""The words that rules are written in: what stands in their annotations, and what several of them need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsIndex, TypeAlias

import numpy as np

from minitensor.core.graph import Node
from minitensor.core.rule import Local as Local
from minitensor.errors import DTypeError
from minitensor.ndarrays import is_array

Number: TypeAlias = Any  # float, Value, ndarray or Tensor
Array: TypeAlias = Any  # ndarray or Tensor
Axes: TypeAlias = SupportsIndex | Sequence[SupportsIndex]  # arrays of integers have an index too
Axis: TypeAlias = Axes | None
Shape: TypeAlias = tuple[int, ...]
Unary: TypeAlias = tuple[Any, Local]
Binary: TypeAlias = tuple[Any, Local, Local]


def on_nodes(*args: object) -> bool:
    """Whether any argument is a node: then a rule is being run again for gradients of gradients."""
    return any([isinstance(arg, Node) for arg in args])


def arrays_of(name: str, *inputs: Any) -> list[Array]:
    """Inputs of which some may be numbers or lists: as arrays, in the dtype of the others if that is a float.

    Raises:
        DTypeError: If none is an array or tensor, or one is a Value.
    """
    known = [is_array(x) or on_nodes(x) for x in inputs]
    for x, is_known in zip(inputs, known, strict=True):
        if not hasattr(x, "shape") and (is_known or not any(known)):
            kind = "a Value" if is_known else type(x).__name__
            raise DTypeError(f"{name}: takes tensors and arrays, not {kind}. Try Tensor(...).")
    floats = [x.dtype for x, is_known in zip(inputs, known, strict=True) if is_known and x.dtype.kind == "f"]
    dtype = np.result_type(*floats) if floats else None
    return [
        x if is_known else np.asarray(x, dtype if np.asarray(x).dtype.kind in "biuf" else None)
        for x, is_known in zip(inputs, known, strict=True)
    ]


def unchanged(g: Number) -> Number:
    """The local gradient of whatever adds its input to something."""
    return g
