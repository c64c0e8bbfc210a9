"""PyTorch's other names, in one table: of operations, of dtypes, and of methods, which are functions too."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minitensor import rules
from minitensor.arrays import creation
from minitensor.core.rule import registry
from minitensor.core.tensor import Tensor
from minitensor.devices import Cuda, Device, dtype_to
from minitensor.errors import DTypeError, ShapeError
from minitensor.methods import TensorMethods

# fmt: off
OPERATIONS = {
    "sub": "subtract", "mul": "multiply", "div": "divide", "true_divide": "divide", "pow": "power",
    "neg": "negative", "abs": "absolute", "clamp": "clip", "inverse": "inv", "repeat_interleave": "repeat",
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2",
    "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh",
    "eq": "equal", "ne": "not_equal", "lt": "less", "gt": "greater", "le": "less_equal",
    "ge": "greater_equal", "mm": "matmul", "bmm": "matmul", "mv": "matmul",
    "cat": "concatenate", "concat": "concatenate", "clone": "copy", "take_along_dim": "take_along_axis",
    "permute_dims": "permute", "swapdims": "swapaxes", "movedim": "moveaxis", "unsqueeze": "expand_dims",
}

DTYPES = {
    **{name: np.dtype(name) for name in ("float16", "float32", "float64", "uint8", "bool")},
    **{name: np.dtype(name) for name in ("int8", "int16", "int32", "int64")},
    "half": np.dtype("float16"), "float": np.dtype("float32"), "double": np.dtype("float64"),
    "short": np.dtype("int16"), "int": np.dtype("int32"), "long": np.dtype("int64"),
}
# fmt: on


def _to(x: Tensor, dtype: np.dtype[Any] | None, copy: bool = False) -> Tensor:
    return rules.astype(x, dtype) if dtype not in {None, x.dtype} else rules.copy(x) if copy else x


def _expand(x: Tensor, *shape: Any) -> Tensor:
    """Broadcast to a shape in which −1 stands for the length that an axis has."""
    given = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
    own = (1,) * (len(given) - x.ndim) + x.shape
    known = zip(given, own[-len(given) :], strict=False)
    return rules.broadcast_to(x, tuple([n if k == -1 else k for k, n in known]))


def _repeat(x: Tensor, *repeats: Any, axis: int | None = None, dim: int | None = None) -> Tensor:
    """NumPy's; PyTorch's has a number for each axis."""
    if len(repeats) != 1:
        raise DTypeError(
            f"repeat: of {repeats}, is the last an axis, as in NumPy, or are these times, as in PyTorch? "
            "Write repeat(n, axis=i) for the first, and tile(...) for the second."
        )
    return rules.repeat(x, repeats[0], axis if dim is None else dim)


def _narrow(x: Tensor, dim: int, start: int, length: int) -> Tensor:
    """A part of an axis, in the same memory."""
    first = start + x.size(dim) if start < 0 else start
    if not 0 <= first <= first + length <= x.size(dim):
        raise ShapeError(f"narrow: axis {dim} of {x.shape} has no {length} elements from {start} on")
    return rules.moveaxis(rules.moveaxis(x, dim, 0)[first : first + length], 0, dim)


def _like(name: str) -> Callable[..., Tensor]:
    return lambda x, *args, **options: getattr(creation, name)(*args, **{"dtype": x.dtype} | options)


def _matrix(x: Tensor) -> Tensor:
    if x.ndim > 2:
        raise ShapeError(f"t(): shape {x.shape} has more than two axes. Write .T, or .transpose(i, j).")
    return rules.permute(x)


# fmt: off
METHODS: dict[str, Callable[..., Any]] = {
    "view": lambda x, *shape: x.reshape(*shape), "lerp": lambda x, end, weight: x + weight * (end - x),
    **{n: lambda x, other: x.reshape(other.shape) for n in ("view_as", "reshape_as")},
    "expand": _expand, "expand_as": lambda x, other: rules.broadcast_to(x, other.shape),
    "repeat": _repeat, "narrow": _narrow, "t": _matrix,
    **{n: lambda x: math.prod(x.shape) for n in ("numel", "nelement")},
    **{n: lambda x: x.ndim for n in ("dim", "ndimension")},
    "is_floating_point": lambda x: x.dtype.kind == "f", "byte": lambda x: _to(x, DTYPES["uint8"]),
    "to": lambda x, *args, copy=False, **options: _to(x, dtype_to(*args, **options), copy),
    "type": lambda x, dtype: _to(x, dtype_to(dtype)), "type_as": lambda x, other: _to(x, other.dtype),
    "cpu": lambda x: x, "cuda": lambda x, device="cuda": Device("cuda"),
    "contiguous": lambda x: x if x.is_contiguous() else rules.copy(x),
    "is_contiguous": lambda x: bool(x.data.flags.c_contiguous),
    **{n: lambda x, dtype=DTYPES[n]: _to(x, dtype) for n in DTYPES if n.isalpha()},
    "masked_fill": lambda x, mask, value: rules.where(mask, value, x),
    "masked_select": lambda x, mask: x[mask],
    "addmm": lambda x, a, b, beta=1, alpha=1: beta * x + alpha * (a @ b),
    "addcmul": lambda x, a, b, value=1: x + value * a * b,
    "addcdiv": lambda x, a, b, value=1: x + value * a / b,
    "index_select": lambda x, dim, index: rules.take(x, index, dim),
    "select": lambda x, dim, index: rules.moveaxis(x, dim, 0)[index],
    **{f"new_{n}": _like(n) for n in ("zeros", "ones", "full", "empty", "tensor")},
}
# fmt: on

_CHANGING = (
    "abs ceil clamp clip cos div exp floor log mul neg pow relu round sigmoid sign sin sqrt square tanh "
    "tril triu trunc"
)
IN_PLACE: dict[str, Callable[..., Any]] = {
    **{n: lambda x, *args, n=n, **attrs: registry[n].call(x, *args, **attrs) for n in _CHANGING.split()},
    "add": lambda x, y, alpha=1: x + y * alpha if alpha != 1 else x + y,
    "sub": lambda x, y, alpha=1: x - y * alpha if alpha != 1 else x - y,
    "zero": lambda x: 0,
    "fill": lambda x, value: value,
    "copy": lambda x, other, non_blocking=False: other,
    **{n: METHODS[n] for n in ("addcdiv", "addcmul", "addmm", "lerp", "masked_fill")},
    "uniform": lambda x, low=0.0, high=1.0, **source: creation.rand_like(x, **source) * (high - low) + low,
    "normal": lambda x, mean=0.0, std=1.0, **source: creation.randn_like(x, **source) * std + mean,
}
"""What `x.add_(y)` and its like write into x: in place where no graph is involved, else refused."""


def _writing(name: str, compute: Callable[..., Any]) -> Callable[..., Tensor]:
    def method(x: Tensor, *args: Any, **options: Any) -> Tensor:
        x._write(name, compute(x, *args, **options), lambda a, b: np.copyto(a, b, casting="same_kind"))
        return x

    compute.__qualname__ = name  # for Python's messages on arguments
    return method


METHODS |= {f"{name}_": _writing(f"{name}_", compute) for name, compute in IN_PLACE.items()}

for _name, _operation in OPERATIONS.items():
    registry[_name] = registry[_operation]
for _name, _method in METHODS.items():
    _method.__name__ = _method.__qualname__ = _name
    setattr(TensorMethods, _name, _method)

OTHERS = {"device": Device, "cuda": Cuda, "linalg": np.linalg, "finfo": np.finfo, "iinfo": np.iinfo}
OTHERS |= {"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan}
NAMES = OPERATIONS.keys() | DTYPES.keys() | METHODS.keys() | OTHERS.keys()


def named(name: str) -> Any:
    """What `minitensor` has under one of these names, of which int and bool are dtypes."""
    if name in OPERATIONS:
        return registry[name].call
    return DTYPES.get(name, OTHERS.get(name, METHODS.get(name)))
