"""What `compile` traces with: an array that computes as NumPy's does, and writes down what was computed.

A `Traced` holds the real array of this run beside a `Slot`, which stands for it in the program. It is no
ndarray on purpose: whatever would take its numbers out of the recording, such as `float(x)`, must fail.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from minitensor.core.graph import Node
from minitensor.core.rule import Operand, Operation
from minitensor.core.watcher import here
from minitensor.errors import CompileError

Array: TypeAlias = NDArray[Any]


@dataclass(eq=False, slots=True)
class Slot:
    """One array of a program: an argument, the memory of a tensor, a constant, or what a call makes."""

    kind: str  # "argument", "tensor", "constant", "made"
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    strides: tuple[int, ...]
    held: Any = None  # a tensor's Tensor, a constant's array, an argument's position
    view_of: Slot | None = None

    @property
    def root(self) -> Slot:
        """The slot whose memory this one is a view of; itself if of none."""
        slot = self
        while slot.view_of is not None:
            slot = slot.view_of
        return slot

    @property
    def nbytes(self) -> int:
        """How much memory the elements take."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


@dataclass(eq=False, slots=True)
class Call:
    """One line of a program.

    Its kind says where the result goes: "view" (into what it views), "into" (into memory that it is given),
    "copy" (the same, and the function only copies), "new" (into memory that the function takes itself), or
    that there is none: "write" (it changes an argument), "replay" (it changes anything), "check".
    """

    kind: str
    function: Any  # a callable, or how it is written: ".T", "[]", ".dot"
    args: tuple[Any, ...]
    attrs: dict[str, Any]
    result: Slot | None
    writes: tuple[Slot, ...] = ()
    part_of: str = ""  # the operation, with ′ for its gradient
    line: str = ""  # of the user's program
    errors: Any = None  # NumPy's error state, where it is not the one around the step

    def reads(self) -> Iterator[Slot]:
        """The slots among the arguments."""
        return slots_in((self.args, self.attrs))


@dataclass(frozen=True, slots=True)
class AsTensor:
    """Among the arguments of a call: a tensor of the slot's array."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class AsNumber:
    """Among the results: the number in a slot's array, as NumPy's reductions return one."""

    slot: Slot


def slots_in(tree: Any) -> Iterator[Slot]:
    """The slots in nested tuples, lists and dicts."""
    if isinstance(tree, Slot):
        yield tree
    elif isinstance(tree, AsTensor | AsNumber):
        yield tree.slot
    elif isinstance(tree, tuple | list):
        for x in tree:
            yield from slots_in(x)
    elif isinstance(tree, dict):
        for x in tree.values():
            yield from slots_in(x)
    elif isinstance(tree, slice):
        yield from slots_in((tree.start, tree.stop, tree.step))


def map_tree(function: Callable[[Any], Any], tree: Any) -> Any:
    """The same tuples, lists and dicts, with `function` applied to what is in them."""
    if type(tree) is tuple or type(tree) is list:
        return type(tree)([map_tree(function, x) for x in tree])
    if type(tree) is dict:
        return {name: map_tree(function, x) for name, x in tree.items()}
    return function(tree)


@dataclass(eq=False)
class Log:
    """What was recorded so far."""

    calls: list[Call] = field(default_factory=list)
    part_of: str = ""
    errors: Any = field(default_factory=np.geterr)
    closed: bool = False

    def add(
        self,
        kind: str,
        function: Any,
        args: tuple[Any, ...],
        attrs: dict[str, Any],
        value: Any = None,
        writes: tuple[Traced, ...] = (),
    ) -> Any:
        """Write down a call; returns its value as a Traced."""
        if self.closed:
            raise CompileError(
                "this array is left over from the recording of a compiled step. Return it from the step."
            )
        tree = map_tree(_slot, (args, attrs))
        result: Slot | None = None
        made: Any = None
        if value is not None:
            is_number = isinstance(value, np.generic)
            value = np.asarray(value)
            result = Slot("made", value.shape, value.dtype, value.strides)
            of = [x for x in _leaves((args, attrs)) if isinstance(x, Traced) and _same_memory(x.value, value)]
            if of:
                result.view_of = of[0].slot
                kind = "view" if kind in ("into", "new", "copy") else kind
            made = Traced(self, result, value, is_number)
        errors = np.geterr()
        self.calls.append(
            Call(
                kind,
                function,
                tree[0],
                tree[1],
                result,
                tuple([x.slot for x in writes]),
                self.part_of,
                line_outside(),
                None if errors == self.errors else errors,
            )
        )
        return made

    def expect(self, mask: Traced) -> None:
        """Write down a check that as many elements of a mask hold as in this run."""
        whole = mask.slot.root if mask.slot.root.nbytes == mask.slot.nbytes else mask.slot
        count = self.add("new", np.count_nonzero, (Traced(self, whole, mask.value),), {}, mask.value.sum())
        (count == int(mask.value.sum())).holds()


def _slot(x: Any) -> Any:
    if isinstance(x, Traced):
        return x.slot
    if isinstance(x, slice):
        return slice(*map_tree(_slot, (x.start, x.stop, x.step)))
    return x


def _leaves(tree: Any) -> list[Any]:
    found: list[Any] = []
    map_tree(found.append, tree)
    return found


def _same_memory(x: Array, y: Array) -> bool:
    return x is y or (x.size > 0 and y.size > 0 and np.may_share_memory(x, y))


def _value(x: Any) -> Any:
    return x.value if isinstance(x, Traced) else x


def values(tree: Any) -> Any:
    """The same tree with the arrays of this run."""
    return map_tree(_value, tree)


def line_outside() -> str:
    """The line of the user's program that is running."""
    frame = sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in (
        "minitensor",
        "numpy",
        "scipy",
        "contextlib",
    ):
        frame = frame.f_back
    return f'"{frame.f_code.co_filename}", line {frame.f_lineno}'


def is_refusal(error: Exception) -> bool:
    """Whether a traced array raised it, perhaps on NumPy's behalf."""
    return isinstance(error, CompileError) or isinstance(error.__cause__, CompileError)


def refuse(what: str, cure: str) -> NoReturn:
    """Raise because the step does something that a program could not do again.

    The step may catch it: so the tracer raises it again in the end.
    """
    error = CompileError(f"{what}, in {line_outside()}, cannot be recorded by compile. {cure}")
    refusals = getattr(here.state.watcher, "refusals", None)
    if refusals is not None:
        refusals.append(error)
    raise error


_BRANCH = "Return the value and use it outside, or choose with where(condition, x, y)."

# NumPy's functions by what becomes of their result.
_STATIC = {
    np.shape, np.ndim, np.size, np.may_share_memory, np.shares_memory, np.result_type, np.iscomplexobj,
    np.isrealobj, np.can_cast, np.min_scalar_type, np.common_type,
}  # fmt: skip
_INTO = {np.clip, np.concatenate, np.stack, np.round, np.dot, np.cumsum, np.cumprod, np.argmax, np.argmin}
_WRITES_FIRST = {np.copyto, np.put, np.place, np.putmask, np.put_along_axis, np.fill_diagonal}
_VARYING = {np.nonzero, np.flatnonzero, np.argwhere, np.unique, np.extract, np.compress, np.trim_zeros,
            np.setdiff1d, np.intersect1d, np.union1d, np.setxor1d, np.bincount, np.histogram}  # fmt: skip
_REFUSED = {np.array2string, np.array_repr, np.array_str, np.save, np.savez, np.savetxt, np.array_equal,
            np.allclose, np.array_equiv}  # fmt: skip
_AS_IT_IS = {np.broadcast_to, np.reshape, np.squeeze, np.ravel, np.atleast_1d, np.atleast_2d, np.atleast_3d}
_ESCAPES = ("item", "tolist", "tobytes", "tofile", "dump", "dumps", "data", "ctypes")
_METADATA = ("flags", "nbytes", "itemsize")


class Traced(NDArrayOperatorsMixin, Operand):
    """An array of the run that is being recorded."""

    __slots__ = ("is_number", "log", "slot", "value")

    def __init__(self, log: Log, slot: Slot, value: Array, is_number: bool = False) -> None:
        self.is_number = is_number  # to NumPy, which then makes a new one where an array is written into
        self.log = log
        self.slot = slot
        self.value = value

    @classmethod
    def apply(cls, operation: Operation, args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        """An operation on arrays of this kind: what its rule calls is written down, or else it as a whole."""
        for arg in args:
            if isinstance(arg, Node):
                return arg.apply(operation, args, attrs)
        try:
            return operation.value_of(operation.function(*args, **attrs), args)
        except Exception as error:
            watcher: Any = here.state.watcher
            if watcher is None or not is_refusal(error):
                raise
            watcher.refusals.clear()
            return watcher.run(operation, args, list(args), attrs)[0]

    # ---------------------------------------------------------------------------- NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, out: Any = None, **attrs: Any) -> Any:
        everything = (*args, *(out or ()))
        if _foreign([type(x) for x in everything]):
            return NotImplemented
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        if out is not None and isinstance(out[0], Traced) and out[0].is_number:
            out = None  # x += y
        if out is not None or method == "at":
            written = out if out is not None else args[:1]
            if not all([isinstance(x, Traced) for x in written]):
                refuse(f"writing into a plain array (numpy.{ufunc.__name__})", _PLAIN)
            keywords = {"out": values(tuple(out))} if out is not None else {}
            function(*values(args), **values(attrs), **keywords)
            into = {"out": tuple(out)} if out is not None else {}
            self.log.add("write", function, args, attrs | into, writes=tuple(written))
            return None if out is None else out[0] if len(out) == 1 else tuple(out)
        result = function(*values(args), **values(attrs))
        if isinstance(result, tuple):
            return self._several(function, args, attrs, result)
        return self.log.add("new" if method == "outer" else "into", function, args, attrs, result)

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> Any:
        if _foreign(types):
            return NotImplemented
        if function in _REFUSED:
            refuse(f"numpy.{function.__name__}", _BRANCH)
        if function in _VARYING:
            refuse(f"numpy.{function.__name__}, whose result has a shape that depends on values", _BRANCH)
        if function in _WRITES_FIRST or attrs.get("out") is not None:
            written = attrs.get("out", args[0])
            if not isinstance(written, Traced):
                refuse(f"writing into a plain array (numpy.{function.__name__})", _PLAIN)
            function(*values(args), **values(attrs))
            self.log.add("write", function, args, attrs, writes=(written,))
            return attrs.get("out")
        result = function(*values(args), **values(attrs))
        if function in _STATIC:
            return result
        written = _written_by(function, args, attrs, result)
        if written is not None:
            self.log.add("write", function, args, attrs, writes=(written,))
            return written
        if isinstance(result, tuple | list):
            return self._several(function, args, attrs, result)
        return self.log.add("into" if function in _INTO else "new", function, args, attrs, result)

    def _several(self, function: Any, args: Any, attrs: Any, results: Any) -> Any:
        """The call, and one more for each of its results."""
        together = self.log.add("new", function, args, attrs, np.empty(0))
        parts = [
            self.log.add("new", "item", (together, i, *_leaves((args, attrs))), {}, result)
            for i, result in enumerate(results)
        ]
        return type(results)(*parts) if hasattr(results, "_fields") else type(results)(parts)

    # ------------------------------------------------------------------------------- what is no secret

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """Whoever asks by isinstance outside of this library is told what it is in the step as it is."""
        around = sys._getframe(1).f_globals.get("__name__", "").partition(".")[0]
        if around in ("minitensor", "numpy"):
            return Traced
        return self.value.dtype.type if self.is_number else np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.slot.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.slot.dtype

    @property
    def strides(self) -> tuple[int, ...]:
        return self.slot.strides

    @property
    def ndim(self) -> int:
        return len(self.slot.shape)

    @property
    def size(self) -> int:
        return self.value.size

    @property
    def base(self) -> Any:
        """What it is a view of in this run, if of anything."""
        return self.value.base

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"<array of shape {self.shape}, {self.dtype}, being recorded>"

    __hash__ = object.__hash__

    # ------------------------------------------------------------------------------------------ methods

    @property
    def T(self) -> Any:  # noqa: N802
        return self.log.add("view", ".T", (self,), {}, self.value.T)

    def __getitem__(self, key: Any) -> Any:
        for part in key if type(key) is tuple else (key,):
            if isinstance(part, Traced) and part.dtype == bool:  # the mask decides about the shape
                self.log.expect(part)
        found = self.value[map_tree(_value, key)]
        return self.log.add("new", "[]", (self, key), {}, found)

    def __setitem__(self, key: Any, x: Any) -> None:
        self.value[map_tree(_value, key)] = _value(x)
        self.log.add("write", "[]=", (self, key, x), {}, writes=(self,))

    def __copy__(self) -> Any:
        return self.copy("K")

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy("K")

    def copy(self, order: str = "C") -> Any:
        return self.log.add("copy", ".copy", (self, order), {}, self.value.copy(order))  # type: ignore

    def astype(self, dtype: Any, order: str = "K", copy: bool = True, **attrs: Any) -> Any:
        if not copy and np.dtype(dtype) == self.dtype:
            return self
        value = self.value.astype(dtype, order, **attrs)  # type: ignore[call-overload]
        return self.log.add("copy", ".astype", (self, dtype, order), attrs, value)

    def dot(self, other: Any) -> Any:
        return self.log.add("into", ".dot", (self, other), {}, self.value.dot(_value(other)))

    def __getattr__(self, name: str) -> Any:
        """Every other method of ndarray."""
        if name.startswith("__"):
            raise AttributeError(name)
        if name in _ESCAPES and not callable(getattr(np.ndarray, name, None)):
            refuse(f"taking numbers out of a tensor (.{name})", _BRANCH)
        if name in _ESCAPES:
            what = f"taking numbers out of a tensor (.{name}, float(), if, while)"
            return lambda *args, **attrs: refuse(what, _BRANCH)
        attribute = getattr(self.value, name)
        if name in _METADATA:
            return attribute
        if isinstance(attribute, np.ndarray):
            return self.log.add("new", f".{name}", (self,), {}, attribute)
        if not callable(attribute):
            raise AttributeError(f"a recorded array has no attribute {name!r}")

        def method(*args: Any, **attrs: Any) -> Any:
            value = attribute(*values(args), **values(attrs))
            if value is None:  # .sort(), .fill()
                return self.log.add("write", f".{name}()", (self, *args), attrs, writes=(self,))
            written = _written_by(name, args, attrs, value)
            if written is not None:
                self.log.add("write", f".{name}()", (self, *args), attrs, writes=(written,))
                return written
            if isinstance(value, tuple):
                refuse(f".{name}() of a recorded array", "Use the function of the same name.")
            return self.log.add("new", f".{name}()", (self, *args), attrs, value)

        return method

    # ------------------------------------------------------------------------------- what would escape

    def holds(self) -> bool:
        self.log.add("check", bool, (self, bool(self.value)), {})
        return bool(self.value)

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        refuse(
            "making a plain array of a recorded one",
            "Use minitensor's or NumPy's own functions on it, with a tensor where it is an index, "
            "or do it outside of the step.",
        )

    def __bool__(self) -> NoReturn:
        refuse("branching on an array's value (if, while, and, or)", _BRANCH)

    def __float__(self) -> NoReturn:
        refuse("float() of an array", _BRANCH)

    def __int__(self) -> NoReturn:
        refuse("int() of an array", _BRANCH)

    def __index__(self) -> NoReturn:
        refuse("using an array as an index of a list", _BRANCH)

    def __contains__(self, item: Any) -> NoReturn:
        refuse("`in`", _BRANCH)


def _written_by(function: Any, args: Any, attrs: Any, result: Any) -> Traced | None:
    """The argument that a function returns after it has written into it, such as what was given for `out`."""
    if function in _AS_IT_IS:
        return None
    return next((x for x in _leaves((args, attrs)) if isinstance(x, Traced) and x.value is result), None)


_PLAIN = "Make the array with zeros_like, or the result with the function's own result."


def _foreign(types: Any) -> bool:
    """Whether a kind is among the operands that must see the call first: a Tensor."""
    return any([not issubclass(t, Traced) and hasattr(t, "__array_ufunc__")
                and not issubclass(t, np.ndarray | np.generic) for t in types])  # fmt: skip
