"""NumPy's protocols, for Value and Tensor: np.exp(x) and array + x record as x.exp() and x + array do.

A NumPy function that has a rule records; one that has none is refused, with the nearest one that has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minitensor import rules
from minitensor.arrays.extend import extend
from minitensor.context import is_grad_enabled
from minitensor.core.graph import Node
from minitensor.core.rule import registry
from minitensor.errors import DTypeError, GraphError
from minitensor.methods import TensorMethods, ValueMethods


@extend(ValueMethods, TensorMethods)
class Protocols(Node):
    """How NumPy's functions find their operations here."""

    __slots__ = ()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, out: Any = None, **attrs: Any) -> Any:
        if out is not None:
            return _write_into(out, ufunc, method, args, attrs)
        if method == "__call__" and not attrs:
            return operation_of(ufunc)(*args)
        if (ufunc, method) in _METHODS:
            return _METHODS[ufunc, method](*args, **{"axis": 0, **attrs})
        form = f".{method}" if method != "__call__" else f"({', '.join(attrs)}=...)"
        raise _no_rule(f"numpy.{ufunc.__name__}{form}", ufunc.__name__)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> Any:
        call = operation_of(function)
        if len(args) > 2:  # NumPy's third argument is often not ours: by name, then
            args, attrs = _by_name(function, args, attrs)
        try:
            return call(*args, **attrs)
        except TypeError as error:
            if isinstance(error, DTypeError) or "argument" not in str(error):
                raise
            raise DTypeError(f"numpy.{function.__name__} on a tensor: {error}") from error


def _by_name(
    function: Callable[..., Any], args: tuple[Any, ...], attrs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a NumPy function, those after the inputs by the names that NumPy gives them."""
    from inspect import Parameter, signature

    operation = registry[_CALLED_OTHERWISE.get(function.__name__, function.__name__)]
    inputs = operation.inputs.stop
    try:
        parameters = list(signature(function).parameters.values())
    except ValueError:  # written in C, without names
        return args, attrs
    if inputs is None or any([p.kind is Parameter.VAR_POSITIONAL for p in parameters]):
        return args, attrs
    named = {
        p.name: x for p, x in zip(parameters[inputs:], args[inputs:], strict=False) if x is not p.default
    }
    return args[:inputs], {**named, **attrs}


_METHODS: dict[tuple[np.ufunc, str], Callable[..., Any]] = {
    (np.add, "reduce"): rules.sum,
    (np.multiply, "reduce"): rules.prod,
    (np.maximum, "reduce"): rules.max,
    (np.minimum, "reduce"): rules.min,
    (np.logical_and, "reduce"): rules.all,
    (np.logical_or, "reduce"): rules.any,
    (np.add, "accumulate"): rules.cumsum,
    (np.multiply, "accumulate"): rules.cumprod,
}
"""What NumPy's functions have that are called as np.add.reduce(x)."""

_LINALG = ("cholesky", "det", "inv", "matmul", "outer", "slogdet", "solve", "tensordot")
_CALLED_OTHERWISE = {"vector_norm": "norm", "expit": "sigmoid", "fabs": "absolute", "around": "round"}
_NEAREST = {
    "average": "mean",
    "cbrt": "power",
    "column_stack": "stack",
    "diag": "diagonal",
    "empty_like": "zeros_like",
    "cross": "einsum",
    "fmax": "maximum",
    "fmin": "minimum",
    "fmod": "remainder",
    "hstack": "concatenate",
    "inner": "tensordot",
    "nan_to_num": "where",
    "nanmean": "mean",
    "nansum": "sum",
    "percentile": "median",
    "ptp": "max",
    "hsplit": "split",
    "vsplit": "split",
    "array_split": "chunk",
    "fliplr": "flip",
    "flipud": "flip",
    "dstack": "stack",
    "rollaxis": "moveaxis",
    "float_power": "power",
    "nanmax": "max",
    "nanmin": "min",
    "select": "where",
    "atleast_1d": "reshape",
    "atleast_2d": "reshape",
    "diff": "index",
    "matvec": "matmul",
    "vecdot": "einsum",
    "cov": "einsum",
    "trapezoid": "sum",
    "quantile": "median",
    "unique": "sort",
    "vstack": "concatenate",
}


def operation_of(function: Any) -> Callable[..., Any]:
    """The operation that records what a NumPy (or SciPy) function computes.

    Raises:
        DTypeError: If there is none; it names the nearest one.
    """
    name = function.__name__
    inside = (getattr(function, "__module__", None) or "numpy").partition(".")[2]
    if inside == "linalg" and name == "norm":
        return _norm
    operation = registry.get(_CALLED_OTHERWISE.get(name, name))
    known = (
        name in _LINALG or name in _CALLED_OTHERWISE
        if inside == "linalg"
        else getattr(np, name, function) is function
    )
    if operation is None or not known:
        raise _no_rule(f"numpy.{inside + '.' * bool(inside)}{name}", name)
    return operation.call


def _no_rule(what: str, name: str) -> DTypeError:
    from difflib import get_close_matches  # 2 ms, for this message

    public = [known for known in registry if not known.startswith("_")]
    nearest = [_NEAREST[name]] if name in _NEAREST else get_close_matches(name, public, 1, 0.85)
    hint = (
        f" The nearest operation is minitensor.{nearest[0]}."
        if nearest
        else " docs/operations.md lists those that have one."
    )
    return DTypeError(f"{what} has no gradient rule.{hint} Use .detach().numpy() to leave the graph.")


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """numpy.linalg.norm, where it is the norm of a vector."""
    matrix = isinstance(axis, tuple) or (axis is None and x.ndim >= 2)
    if matrix and ord not in (None, "fro"):
        raise DTypeError(
            f"numpy.linalg.norm: the matrix norm {ord!r} has no gradient rule. "
            "minitensor.norm(x, ord, axis) takes the norm of the elements as one vector."
        )
    return rules.norm(x, 2 if ord in (None, "fro") else ord, axis, keepdims)


def _write_into(out: Any, ufunc: np.ufunc, method: str, args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """`array += tensor` and out=: done where no gradient could be lost, and refused elsewhere."""
    if any([isinstance(x, Node) for x in out]):
        raise DTypeError(
            f"numpy.{ufunc.__name__}: out= must be an array. "
            "Write into a tensor under no_grad(), as in t += x."
        )
    if is_grad_enabled() and any([isinstance(x, Node) and x._requires_grad for x in args]):
        raise GraphError(
            f"numpy.{ufunc.__name__}: writing into an array would lose the gradient. "
            "Make a new tensor, as in a = a + b, or use .detach()."
        )
    plain = [x.data if isinstance(x, Node) else x for x in args]  # type: ignore[attr-defined]
    return getattr(ufunc, method)(*plain, out=out, **attrs)
