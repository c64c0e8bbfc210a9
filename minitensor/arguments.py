"""The arguments of an operation: which are inputs and which options, by what names, and what NumPy refuses.

It is what stands between a call and its rule (core/rule.py), and words what goes wrong between them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypedDict

import numpy as np

from minitensor.errors import DTypeError, GraphError, OptionError, Wording, explain
from minitensor.ndarrays import is_array

if TYPE_CHECKING:
    from inspect import Signature

_OTHER_NAMES = {  # PyTorch's, and older ones of NumPy's
    "dim": "axis",
    "dims": "axis",
    "keepdim": "keepdims",
    "min_val": "min",
    "max_val": "max",
    "a_min": "min",
    "a_max": "max",
    "interpolation": "method",
    "dim1": "axis1",
    "dim2": "axis2",
    "diagonal": "k",
    "p": "ord",
}


class Marks(TypedDict, total=False):
    """What is special about an operation, said in its decorator; core/rule.py explains each."""

    arrays: bool
    floats: bool
    inputs: str
    method: bool
    explain: Wording


class Parameters:
    """The parameters of a function: differentiable inputs, which stand together, and options.

    Attributes:
        inputs: Where the inputs stand among the arguments.
        is_variadic: Whether there may be any number of inputs.
        optional: Whether an input may be None.
        is_scalar: Whether single numbers make sense, and so `Value`.
        floats: Whether integers become floating-point before they enter.
        is_method: Whether Tensor, and where it is scalar Value, have the operation as a method.
    """

    __slots__ = (
        *("explain", "floats", "function", "inputs", "is_method", "is_scalar", "is_variadic", "named_inputs"),
        *("name", "optional", "names", "rest"),
    )

    def __init__(self, function: Callable[..., Any], marks: Marks) -> None:
        unknown = marks.keys() - Marks.__annotations__.keys()
        if unknown:
            raise OptionError(
                f"rule: no mark {', '.join(sorted(unknown))}. There are {', '.join(Marks.__annotations__)}."
            )
        code = function.__code__  # inspect.signature would take as long as importing NumPy does
        named = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        self.rest = code.co_varnames[len(named)] if code.co_flags & _VARIADIC else ""  # of *xs, the xs
        places = [*named[: code.co_argcount], *([f"*{self.rest}"] if self.rest else [])]
        required = len(places) - len(function.__defaults__ or ())
        strange = set(marks.get("inputs", "").split()) - set(places)
        if strange:
            raise OptionError(
                f"rule: inputs names {', '.join(sorted(strange))}, not among {', '.join(places)}"
            )
        chosen = [places.index(name) for name in marks.get("inputs", "").split() or places[:required]] or [0]
        self.name = function.__name__.lstrip("_")
        self.function, self.names, self.explain = function, frozenset(named), marks.get("explain")
        self.is_scalar, self.floats = not marks.get("arrays"), bool(marks.get("floats"))
        self.is_variadic = bool(self.rest) and chosen[-1] == len(places) - 1
        self.optional = chosen[-1] >= required
        self.named_inputs = frozenset([places[i] for i in range(chosen[0], chosen[-1] + 1)])
        self.inputs = slice(chosen[0], None if self.is_variadic else chosen[-1] + 1)
        public = function.__name__[0] != "_" and marks.get("method", True)
        self.is_method = public and chosen[0] == 0 and not self.is_variadic

    @property
    def signature(self) -> Signature:
        """The function's signature."""
        from inspect import signature  # 7 ms, for whoever needs it

        return signature(self.function)

    def describe(self) -> str:
        """The signature without annotations, such as "(x, axis=None, keepdims=False)"."""
        signature = self.signature
        plain = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
        return str(signature.replace(parameters=plain, return_annotation=signature.empty))

    def arranged(
        self, args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Inputs in their places, options under their own names, NumPy's numbers among those as Python's."""
        for name, x in attrs.items():
            of_inputs = name in self.named_inputs and type(x) is tuple
            if name not in self.names or not isinstance(x, _PLAIN) or of_inputs:
                break
        else:
            return args, attrs
        ours = {name: _OTHER_NAMES.get(name, name) for name in attrs if name not in self.names}
        named = {ours[name] if ours.get(name) in self.names else name: x for name, x in attrs.items()}
        if len(named) < len(attrs):
            raise DTypeError(f"{self.name}: {' and '.join(attrs)} mean the same argument")
        named = {name: plain(x) for name, x in named.items()}
        if self.rest in named:  # np.transpose(x, axes=(1, 0))
            args = (*args, named.pop(self.rest))
        try:
            bound = self.signature.bind(*args, **named)
        except TypeError as error:
            raise DTypeError(f"{self.name}: {error}. It takes {self.name}{self.describe()}.") from None
        if all([isinstance(x, _PLAIN) for x in named.values()]):
            return args, named
        bound.apply_defaults()  # what is given by name may be an input, or a node
        return bound.args, bound.kwargs

    def value_of(self, outputs: Any, args: tuple[Any, ...]) -> Any:
        """The value among what a rule returned for plain numbers and arrays.

        Raises:
            DTypeError: If there is none. (The sum of two lists is a longer list.)
        """
        if type(outputs) is not tuple or not outputs:
            raise DTypeError(f"{self.name}: a rule returns a tuple (value, *local gradients)")
        if type(outputs[0]) is list:
            error = self.misuse(args, TypeError())
            raise (error if type(error) is DTypeError else DTypeError(f"{self.name}: a rule returns no list"))
        return outputs[0]

    def no_flow(self, place: int) -> GraphError:
        """The error of a rule that gives no local gradient for an argument that requires one."""
        return GraphError(
            f"{self.name}: no gradient flows to argument {place}, which requires grad: detach() it"
        )

    def locals_on_nodes(self, args: tuple[Any, ...], attrs: dict[str, Any]) -> tuple[Any, ...]:
        """The local gradients of the rule, run on nodes, so that what they compute is recorded.

        Raises:
            DTypeError: If the rule took numbers out of the nodes, by math.sin or float: then nothing was.
        """
        value, *locals_ = self.function(*args, **attrs)
        if not hasattr(value, "made_by"):
            raise DTypeError(
                f"{self.name}: has no gradient of its gradient, as its rule makes a {type(value).__name__} "
                "of nodes. Compute with operators, NumPy's functions and operations alone."
            )
        return tuple(locals_)

    def misuse(self, args: tuple[Any, ...], error: Exception) -> Exception:
        """What to raise where plain arguments are lists, or lack what arrays have; other errors stay."""
        if isinstance(error, DTypeError):
            return error
        unfit = self.unfit(error)
        if unfit is not None:
            return unfit
        missing = error.obj if isinstance(error, AttributeError) else None
        for x in args[self.inputs]:
            if type(x) is list or (missing is not None and x is missing and not is_array(x)):
                kind = type(x).__name__
                return DTypeError(f"{self.name}: takes tensors and arrays, not {kind}. Try Tensor(...).")
        return error

    def unfit(self, error: Exception) -> DTypeError | None:
        """What to raise where the arguments did not fit the signature: the rule was never entered."""
        trace = error.__traceback__
        if isinstance(error, TypeError) and trace is not None and trace.tb_next is None:
            return DTypeError(f"{error}. It takes {self.name}{self.describe()}.")
        return None

    def fail(self, data: Sequence[Any], error: Exception) -> NoReturn:
        """Raise for an error of NumPy's or Python's on the data of nodes, in our own terms."""
        fault = self.fault(data, error)
        if fault is error:
            raise error
        raise fault from error

    def fault(self, data: Sequence[Any], error: Exception) -> Exception:
        """What to raise for an error of NumPy's or Python's on the data of nodes: in our own terms."""
        shapes = [x.shape if hasattr(x, "shape") else np.shape(x) for x in data[self.inputs] if x is not None]
        return self.unfit(error) or explain(self.name, shapes, error, self.explain)


_VARIADIC = 0x04  # inspect.CO_VARARGS
_PLAIN = (int, str, tuple, type(None), type, np.dtype)


def plain(x: Any) -> Any:
    """NumPy's number as Python's."""
    if isinstance(x, np.floating):
        return float(x)  # a longdouble too
    return x.item() if isinstance(x, np.generic) else x
