"""NumPy's protocols, for Value and Tensor: np.exp(x) and array + x record as x.exp() and x + array do.

Which way a NumPy function goes, SciPy's among them:

- If it has an operation, that is applied, and gives a Tensor (or a Value).
- If it has none, or the operation lacks an option, tensors that need no gradient are taken for their arrays,
  and the result is NumPy's: arrays, numbers, tuples. But if one requires grad, wherever it is among the
  arguments, the function is refused with the nearest operation: no gradient is dropped without a word. So it
  is under no_grad(), as by numpy().
- If it writes (out=, np.add.at, np.copyto), it does so where no gradient could be lost, under no_grad() too,
  and graphs that need what was overwritten notice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from minitensor import rules
from minitensor.arrays.extend import extend
from minitensor.context import is_grad_enabled
from minitensor.core.graph import Node
from minitensor.core.rule import Operation, registry
from minitensor.core.tensor import Tensor
from minitensor.core.watcher import here
from minitensor.errors import DTypeError, GraphError, OptionError, ShapeError, explain
from minitensor.methods import TensorMethods, ValueMethods


@extend(ValueMethods, TensorMethods)
class Protocols(Node):
    """How NumPy's functions find their operations here."""

    __slots__ = ()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, out: Any = None, **attrs: Any) -> Any:
        call = ufunc if method == "__call__" else getattr(ufunc, method)
        operation = operation_of(ufunc)
        if operation is not None and method == "__call__" and out is None and not attrs:
            return operation.call(*args)
        name = _name(ufunc)
        if out is not None:
            return _write(name, call, args, {"out": out, **attrs}, out)
        if method == "at":
            return _write(f"{name}.at", call, args, attrs, args[:1])
        if (ufunc, method) in _METHODS:
            try:
                return _METHODS[ufunc, method](*args, **{"axis": 0, **attrs})
            except _REFUSALS as error:
                return _on_arrays(name, call, args, attrs, error)
        form = f".{method}" if method != "__call__" else f"({', '.join(attrs)}=...)" if attrs else ""
        return _on_arrays(name + form, call, args, attrs)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> Any:
        operation = operation_of(function)
        written = _written_by(function, operation, args, attrs)
        if written is not None:
            return _write(_name(function), function, args, attrs, written)
        if function in _ABOUT or (function in _CONVERTING and not _requires_grad((args, attrs))):
            return function(*_plain(args), **_plain(attrs))
        if operation is None:
            return _on_arrays(_name(function), function, args, attrs)
        call = _AS_NUMPY_HAS_IT.get(function, operation.call)
        try:
            named_args, named = _by_name(function, operation, args, attrs)
            return call(*named_args, **named)
        except _REFUSALS as error:
            return _on_arrays(_name(function), function, args, attrs, error)


_REFUSALS = (DTypeError, OptionError, ShapeError)
"""What an operation raises for an option that it lacks, and for what NumPy may take without it."""


def _by_name(
    function: Callable[..., Any], operation: Operation, args: tuple[Any, ...], attrs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a NumPy function, those after the inputs by the names that NumPy gives them."""
    inputs = operation.inputs.stop
    if len(args) <= 2 or inputs is None:  # NumPy's third argument is often not ours
        return args, attrs
    places = _places(function)
    named = {p.name: x for p, x in zip(places[inputs:], args[inputs:], strict=False) if x is not p.default}
    return (args[:inputs], {**named, **attrs}) if places else (args, attrs)


@lru_cache(maxsize=256)
def _places(function: Callable[..., Any]) -> list[Any]:
    """The parameters of a NumPy function; none if any number of arguments may come, or it tells no names."""
    from inspect import Parameter, signature

    try:
        parameters = list(signature(function).parameters.values())
    except ValueError:  # written in C, without names
        return []
    return [] if any([p.kind is Parameter.VAR_POSITIONAL for p in parameters]) else parameters


_METHODS: dict[tuple[np.ufunc, str], Callable[..., Any]] = {
    (np.add, "reduce"): rules.sum,
    (np.multiply, "reduce"): rules.prod,
    (np.maximum, "reduce"): rules.amax,
    (np.minimum, "reduce"): rules.amin,
    (np.logical_and, "reduce"): rules.all,
    (np.logical_or, "reduce"): rules.any,
    (np.add, "accumulate"): rules.cumsum,
    (np.multiply, "accumulate"): rules.cumprod,
}
"""What NumPy's functions have that are called as np.add.reduce(x)."""

_LINALG = ("cholesky", "cross", "det", "inv", "matmul", "norm", "outer", "slogdet", "solve", "tensordot")
_CALLED_OTHERWISE = {"vector_norm": "norm", "expit": "sigmoid", "fabs": "absolute", "around": "round"}
_FORMS = {"accumulate", "at", "outer", "reduce", "reduceat"}
_NEAREST = {
    "array_split": "chunk",
    "cbrt": "power",
    "convolve": "windows",
    "correlate": "windows",
    "cov": "einsum",
    "corrcoef": "einsum",
    "cumulative_prod": "cumprod",
    "cumulative_sum": "cumsum",
    "delete": "index",
    "diagflat": "diag",
    "divmod": "floor_divide",
    "dsplit": "split",
    "ediff1d": "diff",
    "extract": "index",
    "fill_diagonal": "where",
    "fix": "trunc",
    "float_power": "power",
    "fliplr": "flip",
    "flipud": "flip",
    "fmax": "maximum",
    "fmin": "minimum",
    "frexp": "log2",
    "gradient": "diff",
    "hsplit": "split",
    "insert": "concatenate",
    "ldexp": "exp2",
    "lexsort": "argsort",
    "lstsq": "solve",
    "matrix_norm": "norm",
    "matrix_power": "matmul",
    "matrix_transpose": "swapaxes",
    "matvec": "matmul",
    "modf": "trunc",
    "multi_dot": "matmul",
    "nan_to_num": "where",
    "nanargmax": "argmax",
    "nanargmin": "argmin",
    "nancumprod": "cumprod",
    "nancumsum": "cumsum",
    "nanmax": "max",
    "nanmedian": "median",
    "nanmin": "min",
    "nanpercentile": "percentile",
    "nanprod": "prod",
    "nanquantile": "quantile",
    "nanstd": "std",
    "nanvar": "var",
    "partition": "sort",
    "piecewise": "where",
    "pinv": "inv",
    "polyval": "power",
    "resize": "reshape",
    "rint": "round",
    "rollaxis": "moveaxis",
    "rot90": "flip",
    "searchsorted": "argsort",
    "select": "where",
    "sinc": "sin",
    "sliding_window_view": "windows",
    "svdvals": "norm",
    "tensorinv": "inv",
    "tensorsolve": "solve",
    "unique": "sort",
    "unstack": "unbind",
    "unwrap": "diff",
    "vander": "power",
    "vecdot": "einsum",
    "vecmat": "matmul",
    "vsplit": "split",
}


def operation_of(function: Any) -> Operation | None:
    """The operation that records what a NumPy (or SciPy) function computes, if there is one."""
    name = function.__name__
    inside = (getattr(function, "__module__", None) or "numpy").partition(".")[2]
    operation = registry.get(_CALLED_OTHERWISE.get(name, name))
    known = (
        name in _LINALG or name in _CALLED_OTHERWISE
        if inside == "linalg"
        else getattr(np, name, function) is function
    )
    return operation if known else None


def _name(function: Any) -> str:
    """What a message calls a function, which may also be a ufunc of SciPy's."""
    if isinstance(function, np.ufunc) and getattr(np, function.__name__, None) is not function:
        return function.__name__
    inside = (getattr(function, "__module__", None) or "numpy").partition(".")[2]
    return f"numpy.{inside + '.' * bool(inside)}{function.__name__}"


def _no_rule(what: str) -> DTypeError:
    """The refusal of a function, such as numpy.diag, or of a form of one, such as numpy.add.at."""
    from difflib import get_close_matches  # 2 ms, for this message

    words = what.partition("(")[0].split(".")
    name = next((word for word in reversed(words) if word not in _FORMS), what)
    public = [known for known in registry if not known.startswith("_")]
    nearest = [_NEAREST[name]] if name in _NEAREST else get_close_matches(name, public, 1, 0.85)
    hint = (
        f" The nearest operation is minitensor.{nearest[0]}."
        if nearest
        else " docs/operations.md lists those that have one."
    )
    return DTypeError(f"{what} has no gradient rule.{hint} Use .detach().numpy() to leave the graph.")


def _split(x: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    return rules.split(x, indices_or_sections, axis)


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """numpy.linalg.norm, where it is the norm of a vector."""
    matrix = isinstance(axis, tuple | list) or (axis is None and x.ndim >= 2)
    if matrix and ord not in (None, "fro"):
        raise DTypeError(
            f"numpy.linalg.norm: the matrix norm {ord!r} has no gradient rule. "
            "minitensor.norm(x, ord, axis) takes the norm of the elements as one vector."
        )
    return rules.norm(x, 2 if ord in (None, "fro") else ord, axis, keepdims)


_AS_NUMPY_HAS_IT: dict[Any, Callable[..., Any]] = {np.linalg.norm: _norm, np.split: _split}
"""Functions of NumPy's that mean less, or more clearly, than the operation does."""


# ------------------------------------------------------------------------------------------- on arrays

_ABOUT = {
    *(np.can_cast, np.common_type, np.iscomplexobj, np.isrealobj, np.may_share_memory, np.min_scalar_type),
    *(np.result_type, np.shares_memory),
}
"""What speaks of arrays without computing: nothing has a gradient there."""
_CONVERTING = {np.atleast_1d, np.atleast_2d, np.atleast_3d}
"""What makes arrays of what it is given, as np.asarray does: libraries such as SciPy rely on it."""


def _on_arrays(
    what: str,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    attrs: dict[str, Any],
    refusal: Exception | None = None,
) -> Any:
    """What NumPy makes of the arrays of tensors that need no gradient; others are refused.

    `refusal` is what the operation said that is called first, if there is one.
    """
    if _requires_grad((args, attrs)):
        raise refusal or _no_rule(what)
    try:
        return function(*_plain(args), **_plain(attrs))
    except (TypeError, ValueError) as error:
        raise refusal or _in_our_terms(what, args, attrs, error) from error


def _in_our_terms(what: str, args: Any, attrs: Any, error: Exception) -> Exception:
    if type(error).__module__.partition(".")[0] not in ("builtins", "numpy"):
        return error  # of a function that NumPy was given to call
    return explain(what, [np.shape(x._data) for x in _nodes((args, attrs))], error)


def _requires_grad(tree: Any) -> bool:
    return any([node._requires_grad for node in _nodes(tree)])


def _nodes(tree: Any) -> Iterator[Any]:
    """The tensors and Values in nested tuples, lists, dicts and arrays of objects."""
    if isinstance(tree, Node):
        yield tree
    elif isinstance(tree, dict):
        yield from _nodes(tuple(tree.values()))
    elif isinstance(tree, tuple | list):
        for x in tree:
            yield from _nodes(x)
    elif isinstance(tree, np.ndarray) and tree.dtype == object:
        yield from _nodes(tree.ravel().tolist())


def _plain(tree: Any) -> Any:
    """The same tuples, lists and dicts with arrays and numbers in place of tensors and Values."""
    if isinstance(tree, Node):
        return tree.data  # type: ignore[attr-defined]
    if isinstance(tree, dict):
        return {name: _plain(x) for name, x in tree.items()}
    if isinstance(tree, tuple | list):
        parts = [_plain(x) for x in tree]
        if isinstance(tree, list):
            return parts
        return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
    return tree


# --------------------------------------------------------------------------------------------- writing

_WRITES_FIRST = {np.copyto, np.fill_diagonal, np.place, np.put, np.put_along_axis, np.putmask}
_OUT_AT = {np.concatenate: 2, np.dot: 2}  # written in C, without names


def _written_by(
    function: Any, operation: Operation | None, args: tuple[Any, ...], attrs: dict[str, Any]
) -> tuple[Any, ...] | None:
    """What a function is to write into, if anything."""
    if function in _WRITES_FIRST:
        return args[:1] or tuple(attrs.values())[:1]
    out = attrs.get("out")
    if len(args) > 2 or (args[1:] and operation is None):  # it may be among these
        names = [p.name for p in _places(function)]
        place = names.index("out") if "out" in names else _OUT_AT.get(function, len(args))
        out = args[place] if place < len(args) else out
    return None if out is None else out if isinstance(out, tuple) else (out,)


def _write(
    what: str,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    attrs: dict[str, Any],
    written: tuple[Any, ...],
) -> Any:
    """`array += tensor`, out= and their like: done where no gradient could be lost, and refused elsewhere."""
    if is_grad_enabled() and _requires_grad((args, attrs)):
        raise GraphError(
            f"{what}: writing into an array would lose the gradient. "
            "Make a new tensor, as in a = a + b, or use .detach()."
        )
    tensors = [x for x in written if isinstance(x, Tensor)]
    if here.state.watcher is not None:
        for tensor in tensors:
            here.state.watcher.writes(tensor)
    try:
        result = function(*_plain(args), **_plain(attrs))
    except (TypeError, ValueError) as error:
        raise _in_our_terms(what, args, attrs, error) from error
    for tensor in tensors:
        tensor._mark_written()
    if isinstance(result, tuple):
        return tuple([x if given is None else given for x, given in zip(result, written, strict=True)])
    return None if result is None else written[0]
