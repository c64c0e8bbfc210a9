"""Operations: a rule, registered under its name, that computes on plain numbers and records on nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from minitensor.errors import DTypeError
from minitensor.graph import Data, Node, on_nodes
from minitensor.recording import active, is_refusal

if TYPE_CHECKING:
    from inspect import Signature

P = ParamSpec("P")
R = TypeVar("R")


class Operation:
    """A registered operation: its name, its function, and which of its arguments are differentiable inputs.

    The annotations tell. A parameter marked `Number` or `Float` is an input of an elementwise operation,
    which works on single floats and so on `Value`; one marked `Array` or `FloatArray` must be an array; every
    other one is an attribute. Integers become floating-point before they enter a `Float` or a `FloatArray`.
    Without such marks, the inputs are the parameters that have no default.
    """

    __slots__ = (
        *(
            "after",
            "attributes",
            "call",
            "has_attributes",
            "floats",
            "function",
            "inputs",
            "is_method",
            "is_scalar",
        ),
        *("name", "optional", "renamed", "variadic"),
    )

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name = function.__name__.lstrip("_")
        code = function.__code__  # inspect.signature would take as long as importing NumPy does
        named = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        self.variadic = code.co_varnames[len(named)] if code.co_flags & _VARIADIC else ""
        names = [*named[: code.co_argcount], self.variadic] if self.variadic else named
        kinds = [str(function.__annotations__.get(name)).removesuffix(" | None") for name in names]
        defaults = function.__defaults__ or ()
        required = range(code.co_argcount - len(defaults)) if not self.variadic else range(len(names))
        inputs = [i for i, kind in enumerate(kinds) if kind in _INPUTS] or list(required)
        variadic = bool(self.variadic) and inputs[-1:] == [len(names) - 1]
        self.inputs = slice(inputs[0], None if variadic else inputs[-1] + 1) if inputs else slice(0)
        self.is_method = not variadic and inputs[:1] == [0] and names[0] == "x"
        self.is_scalar = any([kind in ("Number", "Float") for kind in kinds])
        self.floats = any([kind in ("Float", "FloatArray") for kind in kinds])
        self.has_attributes = len(named) > len(names[self.inputs])
        self.after = len(names) if self.inputs.stop is None else self.inputs.stop
        self.optional = any([i >= len(required) and defaults[i - len(required)] is None for i in inputs])
        self.attributes = frozenset(named)
        self.renamed = {theirs: ours for theirs, ours in _OTHER_NAMES.items() if ours in self.attributes}
        self.call: Callable[..., Data] = function

    @property
    def signature(self) -> Signature:
        """The function's signature."""
        from inspect import signature  # 7 ms, for whoever needs it

        return signature(self.function)

    def arrange(self, args: tuple[Any, ...], attrs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments under the rule's own names, and nodes given by name in their places."""
        for name, value in attrs.items():
            if name not in self.attributes or isinstance(value, Node):
                break
        else:
            return args, attrs
        given = attrs
        attrs = {self.renamed.get(name, name): value for name, value in attrs.items()}
        if type(attrs.get("axis")) is list:  # as PyTorch's dim may be
            attrs["axis"] = tuple(attrs["axis"])
        if len(attrs) < len(given):
            raise DTypeError(f"{self.name}: {' and '.join(given)} mean the same argument")
        if self.variadic in attrs:  # np.transpose(x, axes=(1, 0))
            args = (*args, attrs.pop(self.variadic))
        try:
            bound = self.signature.bind(*args, **attrs)
        except TypeError as error:
            raise DTypeError(f"{self.name}: {error}. It takes {self.name}{self.describe()}.") from None
        if not on_nodes(*attrs.values()):
            return args, attrs
        bound.apply_defaults()
        return bound.args, bound.kwargs

    def describe(self) -> str:
        """The signature without annotations, such as "(x, axis=None, keepdims=False)"."""
        signature = self.signature
        plain = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
        return str(signature.replace(parameters=plain, return_annotation=signature.empty))


_VARIADIC = 0x04  # inspect.CO_VARARGS
_INPUTS = ("Number", "Float", "Array", "FloatArray")
_OTHER_NAMES = {  # PyTorch's, and older ones of NumPy's
    "dim": "axis",
    "dims": "axis",
    "keepdim": "keepdims",
    "min_val": "min",
    "max_val": "max",
    "a_min": "min",
    "a_max": "max",
}

registry: dict[str, Operation] = {}
"""Every operation by name: the methods of Value and Tensor, and NumPy's dispatch, are made from this."""


def register(function: Callable[..., Any]) -> Operation:
    """Enter an operation under its function's name. The same module may do so again, as notebooks do."""
    name = function.__name__
    if name in registry and registry[name].function.__module__ != function.__module__:
        raise ValueError(f"rule {name!r}: there is an operation of that name already. Choose another.")
    registry[name] = Operation(function)
    return registry[name]


def rule(function: Callable[P, tuple[Any, ...]]) -> Callable[P, Data]:
    """Register an operation, given its rule: a function from inputs to (value, *local gradients).

    The result computes on plain arrays and floats, and records on nodes. A rule that returns its value
    alone is off the graph: its result never requires grad.

    >>> import numpy as np
    >>> from minitensor import Tensor
    >>> @rule
    ... def cube(x):
    ...     return x**3, lambda g: g * 3 * x**2
    >>> cube(np.array([2.0]))
    array([8.])
    >>> x = Tensor([2.0], requires_grad=True)
    >>> cube(x).backward([1.0])
    >>> x.grad
    array([12.], dtype=float32)
    >>> _ = registry.pop("cube")
    """
    operation = register(function)

    @wraps(function)
    def call(*args: P.args, **attrs: P.kwargs) -> Data:
        if attrs:
            args, attrs = operation.arrange(args, attrs)  # type: ignore[assignment]
        for arg in args:
            if isinstance(arg, Node):
                return arg.kind._record(operation, args, attrs)
        try:
            value = function(*args, **attrs)[0]
        except Exception as error:
            if active.recorder is not None and is_refusal(error):
                return active.recorder.as_a_whole(operation, args, attrs)[0]
            if isinstance(error, AttributeError | TypeError):
                raise _not_an_array(operation, args, error) from error
            raise
        if type(value) is list:  # the sum of two lists is a longer list
            raise _not_an_array(operation, args, TypeError())
        return value

    operation.call = call
    return call


def composite(function: Callable[P, R]) -> Callable[P, R]:
    """Register an operation that is made of others: its gradient follows from theirs.

    >>> from minitensor import Tensor
    >>> @composite
    ... def twice(x):
    ...     return x + x
    >>> twice(Tensor([1.0, 2.0]))
    Tensor([2., 4.])
    >>> _ = registry.pop("twice")
    """
    operation = register(function)

    @wraps(function)
    def call(*args: P.args, **attrs: P.kwargs) -> R:
        if attrs:
            args, attrs = operation.arrange(args, attrs)  # type: ignore[assignment]
        try:
            return function(*args, **attrs)
        except (AttributeError, TypeError) as error:
            raise _not_an_array(operation, args, error) from error

    operation.call = call
    return call


def _not_an_array(operation: Operation, args: tuple[Any, ...], error: Exception) -> Exception:
    """What to raise where an input is a list, or lacks what arrays have; other errors stay as they are."""
    if isinstance(error, DTypeError):
        return error
    if isinstance(error, TypeError) and str(error).startswith(f"{operation.function.__name__}() takes"):
        return DTypeError(f"{error}. It takes {operation.name}{operation.describe()}.")
    missing = error.obj if isinstance(error, AttributeError) else None
    for arg in args[operation.inputs]:
        if type(arg) is list or (missing is not None and arg is missing):
            kind = type(arg).__name__
            return DTypeError(f"{operation.name}: takes tensors and arrays, not {kind}. Try Tensor(...).")
    return error


def alias(name: str, call: Callable[P, Data]) -> Callable[P, Data]:
    """Enter an operation under a second name, such as PyTorch's."""
    registry[name] = registry[call.__name__]
    return call


def rule_of_sequence(function: Callable[..., tuple[Any, ...]]) -> Callable[..., Data]:
    """Register an operation that takes one sequence of inputs: its rule is a function of `*arrays`."""
    operation = register(function)

    @wraps(function)
    def call(arrays: Sequence[Data], axis: int = 0, **attrs: Any) -> Data:
        if attrs:
            axis = operation.arrange((), attrs)[1]["axis"]
        args = tuple(arrays)
        for arg in args:
            if isinstance(arg, Node):
                return arg.kind._record(operation, args, {"axis": axis})
        if list in [type(arg) for arg in args]:
            raise DTypeError(f"{operation.name}: takes tensors and arrays, not lists. Try Tensor(...).")
        return function(*args, axis=axis)[0]

    operation.call = call
    return call
