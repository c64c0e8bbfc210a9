"""An operation is made of a *rule*: a function that returns its value, and one local gradient per input.

    @rule
    def multiply(x, y):
        return x * y, lambda g: g * y, lambda g: g * x

Called on numbers and arrays, an operation just computes. Called on an `Operand`, which is a node of a graph
(graph.py), it leaves it to that to apply the rule, and to remember the way back.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeAlias, TypeVar, Unpack, overload

from minitensor.arguments import Marks, Parameters

Data: TypeAlias = Any
"""What a rule computes with: float, ndarray, Value or Tensor. They share operators, not a type."""
Local: TypeAlias = Callable[[Data], Data]
"""A local gradient: turns the gradient of an operation's output into the gradient of one input."""
P = ParamSpec("P")
R = TypeVar("R")


class Operand:
    """An argument with a say of its own: it applies operations in its own way."""

    __slots__ = ()

    @classmethod
    def apply(cls, operation: Operation, args: tuple[Any, ...], attrs: dict[str, Any]) -> Data:
        """The result of an operation on arguments of which this is one."""
        raise NotImplementedError


class Operation(Parameters):
    """A rule under its name, with what its decorator and its parameters say about it (arguments.py)."""

    __slots__ = ("call",)
    call: Callable[..., Data]  # what users call; `function` is the rule, or the composite itself


registry: dict[str, Operation] = {}
"""Every operation by its function's name; those with a "_" in front are for other operations alone."""


@overload
def rule(function: Callable[P, tuple[Any, ...]], /) -> Callable[P, Data]: ...
@overload
def rule(**marks: Unpack[Marks]) -> Callable[[Callable[P, tuple[Any, ...]]], Callable[P, Data]]: ...
def rule(function: Callable[..., Any] | None = None, /, **marks: Unpack[Marks]) -> Any:
    """Make an operation of a rule, which then works in every mode, Value included.

    A rule is a function from inputs to (value, *local gradients). Of those there is one per input, in order:
    a function from the output's gradient g to that input's. None in place of one says that no gradient flows;
    a rule that returns (value,) alone is off the graph. What a rule promises:

    - It uses operators, NumPy's functions and other operations alone, in its local gradients too: then it
      serves floats, arrays and, for gradients of gradients, nodes. It changes neither its inputs nor g.
    - A local gradient returns an array of numbers (of Values, a number). It may be anything, such as a
      constant, g itself, a view, or an input: the engine never writes into it, nor shares it.
    - It neither undoes broadcasting, nor converts dtypes, nor checks what NumPy checks.

    Args:
        function: The rule. Its name is the operation's; parameters without a default are the inputs.
        arrays: Whether only arrays make sense, and no single numbers.
        floats: Whether integers are to become floating-point first.
        inputs: The names of the inputs, where they are not all parameters without a default, as in "x y".
        method: Whether Tensor, and where it makes sense Value, have it as a method (of rules/ alone).
        explain: Words what NumPy refused; see errors.explain.

    Raises:
        ValueError: If another module has an operation of that name.
        DTypeError: When called, or on the way back, naming the operation, if what the rule or a local
            gradient returns cannot be used. (What it writes into, and its mathematics, gradcheck finds.)

    >>> from minitensor import Tensor, Value
    >>> @rule
    ... def cube(x):
    ...     return x**3, lambda g: g * 3 * x**2
    >>> for x in Value(2.0), Tensor([2.0], requires_grad=True):
    ...     cube(x).backward()
    ...     print(cube(2.0), x.grad)
    8.0 12.0
    8.0 [12.]
    >>> _ = registry.pop("cube")
    """
    return _operation(function, marks, is_rule=True)


@overload
def composite(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def composite(**marks: Unpack[Marks]) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def composite(function: Callable[..., Any] | None = None, /, **marks: Unpack[Marks]) -> Any:
    """Make an operation of a function that calls others: its gradient follows from theirs. Marks are rule's.

    >>> from minitensor import Tensor
    >>> @composite
    ... def twice(x):
    ...     return x + x
    >>> twice(Tensor([1.0, 2.0]))
    Tensor([2., 4.])
    >>> _ = registry.pop("twice")
    """
    return _operation(function, marks, is_rule=False)


def _operation(function: Callable[..., Any] | None, marks: Marks, is_rule: bool) -> Any:
    if function is None:
        return lambda function: _operation(function, marks, is_rule)
    name = function.__name__
    if name in registry and registry[name].function.__module__ != function.__module__:
        raise ValueError(f"rule {name!r}: there is an operation of that name already. Choose another.")
    operation = registry[name] = Operation(function, marks)  # anew, where a notebook's cell is run again

    @wraps(function)
    def call(*args: Any, **attrs: Any) -> Data:
        if attrs:
            args, attrs = operation.arranged(args, attrs)
        if is_rule:
            for arg in args:
                if isinstance(arg, Operand):
                    return arg.apply(operation, args, attrs)
        try:
            result = function(*args, **attrs)
        except (AttributeError, TypeError) as error:
            fault = operation.misuse(args, error)
            if fault is error:
                raise
            raise fault from error
        if is_rule and (type(result) is not tuple or not result or type(result[0]) is list):
            return operation.value_of(result, args)  # raises
        return result[0] if is_rule else result

    operation.call = call
    return call
