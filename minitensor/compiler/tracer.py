"""Tracing a step: a watcher hands `Traced` arrays to the rules, and the engine runs as always.

Tensors that the step finds keep their own arrays: the tracer has a map from them to traced ones. So whoever
uses them on another thread meanwhile sees nothing of it. Tensors that the step makes hold traced arrays.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn, ParamSpec, TypeVar

import numpy as np

from minitensor.compiler.surroundings import Surroundings
from minitensor.compiler.traced import (
    AsNumber,
    AsTensor,
    Call,
    Log,
    Slot,
    Traced,
    is_refusal,
    map_tree,
    refuse,
    values,
)
from minitensor.context import Drawn, Onlooker, watching
from minitensor.core.graph import Node
from minitensor.core.rule import Operation
from minitensor.core.tensor import Tensor
from minitensor.core.value import Value
from minitensor.errors import CompileError

P = ParamSpec("P")
R = TypeVar("R")
_one_at_a_time = threading.RLock()


@dataclass
class Trace:
    """What one run of a step was.

    Attributes:
        calls: What was called, in order.
        arguments: Which of the step's arguments are arrays.
        tensors: The slots of the tensors whose memory is read or written.
        modules: The modules that were called, with their `training`.
        surroundings: What the step could come by, as it was before.
        change: What the step changed in its surroundings, in words, which a program would not do again; "" if
            somebody else did.
        flags: Whether each tensor required grad.
        gradients: Whether each tensor whose gradient of before was asked for had one.
        result: What the step returned, with slots in place of arrays.
    """

    calls: list[Call] = field(default_factory=list)
    arguments: list[int] = field(default_factory=list)
    tensors: dict[Tensor, Slot] = field(default_factory=dict)
    modules: dict[Any, bool] = field(default_factory=dict)
    surroundings: Surroundings = field(init=False)
    change: str | None = None
    flags: dict[Tensor, bool] = field(default_factory=dict)
    gradients: dict[Tensor, bool] = field(default_factory=dict)
    result: Any = None

    def began_as(self, other: Trace) -> bool:
        """Whether both runs found the same: modules and tensors in the same modes, and numbers."""
        pairs = [(self.flags, other.flags), (self.gradients, other.gradients)]
        pairs += [(self.modules, other.modules)]
        if not all([one.get(x, mode) == mode for one, two in pairs for x, mode in two.items()]):
            return False
        return self.surroundings.difference(other.surroundings) is None

    def what_differs(self, other: Trace) -> str:
        """What two runs found differently, as the end of a sentence."""
        label = self.surroundings.difference(other.surroundings)
        return f", as {label} is another each time" if label else ""


class Tracer(Onlooker):
    """Runs a step once, and writes down what it computes and what it changes."""

    exclusive = "a step is being traced by compile"

    def __init__(self) -> None:
        self.log = Log()
        self.trace = Trace(self.log.calls)
        self.arrays: dict[Tensor, Traced] = {}  # of the tensors that the step found
        self.gradients: dict[Tensor, tuple[Any, Any]] = {}  # theirs: as they are, and as the step sees them
        self.effects = False  # of functions: were there any yet?
        self.drawn: set[int] = set()  # the generators that random numbers were drawn from
        self.nodes: list[Tensor] = []  # what the step computed
        self.refusals: list[CompileError] = []  # that nobody has mended

    # ---------------------------------------------------------------------------------------- the run

    def run_step(self, step: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of step(*args, **kwargs), in which arrays and tensors are traced as arguments."""
        given = [x for x in (*args, *kwargs.values()) if not isinstance(x, np.ndarray | Tensor)]
        self.trace.surroundings = Surroundings(step, tuple(given))
        positions = iter(range(len(args) + len(kwargs)))

        def argument(x: Any) -> Any:
            position = next(positions)
            array = x._data if isinstance(x, Tensor) else x
            if isinstance(array, np.matrix | np.ma.MaskedArray):
                refuse(f"a {type(array).__name__} as an argument", "Hand it as an array: np.asarray(x).")
            if not isinstance(array, np.ndarray) or (isinstance(x, Tensor) and x._requires_grad):
                return x
            self.trace.arguments.append(position)
            slot = Slot("argument", array.shape, array.dtype, array.strides, position)
            traced = Traced(self.log, slot, array)
            return Tensor.from_numpy(traced) if isinstance(x, Tensor) else traced  # type: ignore[arg-type]

        try:
            with _one_at_a_time, watching(self):
                # by position first: Python would begin with the named ones
                traced = [argument(x) for x in args]
                result = step(*traced, **{name: argument(x) for name, x in kwargs.items()})
                if self.refusals:  # and the step has caught it
                    raise self.refusals[0]
                self.trace.result = map_tree(self._result_slot, result)
                return map_tree(_plain, result)
        finally:
            self.log.closed = True
            self.arrays.clear()  # nobody is to hold what the step found
            self.gradients.clear()
            self.trace.change = self.trace.surroundings.change(self.drawn)
            self.trace.surroundings.enter(self.trace.modules)
            self._let_go()

    def _let_go(self) -> None:
        """What the step has left behind, in an attribute or a list, goes on as plain arrays."""
        for node in self.nodes:
            _untrace(node)
        self.nodes.clear()
        now = self.trace.surroundings.again() if self.trace.change else None
        if now is not None:
            for tensor in now.tensors:
                _untrace(tensor)
            now.replace(_left_behind)

    # -------------------------------------------------------------------------------------- operations

    def array(self, tensor: Tensor) -> Any:
        """The traced array of a tensor; a plain one of what was computed before the step."""
        array = tensor._data
        if tensor in self.arrays:
            return self.arrays[tensor]
        if isinstance(array, Traced) or tensor._operation:
            return array
        slot = Slot("tensor", array.shape, array.dtype, array.strides, tensor)
        for other, known in self.trace.tensors.items():  # another tensor of the same memory
            if other._data is array:
                slot = known
        self.arrays[tensor] = Traced(self.log, slot, array)
        self.trace.tensors[tensor] = slot
        self.trace.flags[tensor] = tensor._requires_grad
        return self.arrays[tensor]

    def run(
        self, operation: Operation, args: tuple[Any, ...], data: list[Any], attrs: dict[str, Any]
    ) -> tuple[Any, ...]:
        """A rule's value and local gradients, each of which is written down when it is called."""
        if any([isinstance(x, Value) for x in args]):
            refuse("computing with Values", "A program is made of NumPy's calls: run scalar mode as it is.")
        data = [self.array(arg) if isinstance(arg, Tensor) else x for arg, x in zip(args, data, strict=True)]
        if not any([isinstance(x, Traced) for x in data]):
            return operation.function(*data, **attrs)
        outer, self.log.part_of = self.log.part_of, operation.name
        mark = len(self.log.calls)
        try:
            outputs = operation.function(*data, **attrs)
        except Exception as error:
            if not is_refusal(error):
                raise
            del self.log.calls[mark:]
            self.refusals.clear()
            outputs = self._as_a_whole(operation, data, attrs)
        finally:
            self.log.part_of = outer
        if type(outputs) is not tuple or not outputs:
            return outputs
        return outputs[0], *[
            local and self._local(operation, data, attrs, i, local) for i, local in enumerate(outputs[1:], 1)
        ]

    def made(self, node: Tensor, operation: Operation, args: tuple[Any, ...]) -> None:
        array: Any = node._data
        if isinstance(array, Traced) and array.is_number:  # a tensor holds an array
            node._data = Traced(self.log, array.slot, array.value)  # type: ignore[assignment]
        self.nodes.append(node)

    def _as_a_whole(self, operation: Operation, data: list[Any], attrs: dict[str, Any]) -> tuple[Any, ...]:
        """What a rule returns, as one call: its lines cannot be written down one by one."""
        outputs = operation.function(*values(data), **values(attrs))
        together = self.log.add("new", operation.function, tuple(data), attrs, np.empty(0))
        value = self.log.add("new", "item", (together, 0, *data), {}, outputs[0])

        def local(i: int) -> Callable[[Any], Any]:
            def run(g: Any) -> Any:
                part = outputs[i](g.value if isinstance(g, Traced) else g)
                return self.log.add("new", "local", (together, i, g, value, *data), {}, part)

            return run

        return value, *[None if outputs[i] is None else local(i) for i in range(1, len(outputs))]

    def _local(self, operation: Operation, data: list[Any], attrs: dict[str, Any], i: int, local: Any) -> Any:
        def run(g: Any) -> Any:
            outer, self.log.part_of = self.log.part_of, operation.name + "′"
            mark = len(self.log.calls)
            try:
                return local(g)
            except Exception as error:
                again = not getattr(local, "once", False)  # a hook may have been called already
                if isinstance(g, Node) or not is_refusal(error) or not again:
                    raise
                del self.log.calls[mark:]
                self.refusals.clear()
                return self._as_a_whole(operation, data, attrs)[i](g)
            finally:
                self.log.part_of = outer

        run.stands_for = local  # type: ignore[attr-defined]  # for ndarrays.captured
        return run

    # ------------------------------------------------------------------------- what is read and changed

    def reads(self, tensor: Tensor, name: str) -> Any:
        return self.array(tensor) if name == "data" else self._grad(tensor)

    def writes(self, tensor: Tensor) -> None:
        self.array(tensor)

    def _grad(self, tensor: Tensor) -> Any:
        """The gradient of a tensor, traced: what the step made, or what there was before it."""
        real, seen = self.gradients.get(tensor, (None, None))
        if isinstance(tensor._data, Traced) or (real is not None and real is tensor._grad):
            return tensor._grad if seen is None else seen
        if tensor not in self.gradients and not self.effects:
            self.trace.gradients[tensor] = tensor._grad is not None
        if not isinstance(tensor._grad, np.ndarray):
            return tensor._grad
        seen = self.log.add("new", _gradient_of, (tensor,), {}, tensor._grad)
        self.log.calls[-1].kind = "replay"
        self.gradients[tensor] = tensor._grad, seen
        return seen

    def assigns(self, tensor: Tensor, name: str, value: Any) -> Any:
        if isinstance(tensor._data, Traced):  # made by the step
            return value
        if name == "data":
            refuse("assigning .data", "Write into the array: x.data[...] = y, or x.data -= y.")
        self.array(tensor)
        kept = (
            value.copy("K") if isinstance(value, np.ndarray) else self._operand(value)
        )  # it may be written to
        self.log.add("replay", "assign", (tensor, kept), {})
        self.gradients[tensor] = _plain(value), value
        return self.gradients[tensor][0]

    def receives(self, leaf: Tensor, gradient: Any) -> Any:
        """A leaf takes a gradient: written down as a call whose result is the leaf's gradient then."""
        if isinstance(leaf._data, Traced):  # made by the step
            return gradient
        self.array(leaf)
        real, seen = self.gradients.get(leaf, (None, None))
        held = leaf._grad if real is None or real is not leaf._grad else seen
        if isinstance(gradient, Tensor) or isinstance(held, Tensor | Traced):
            total = gradient if held is None else held + gradient
            leaf._grad = None
            return self.assigns(leaf, "grad", total)
        if isinstance(gradient, np.ndarray):  # it does not depend on what is traced
            gradient = self.log.add("copy", np.array, (gradient,), {}, gradient.copy("K"))
        value = gradient.value if held is None else np.asarray(held + gradient.value)
        leaf._grad = None
        received = self.log.add("replay", "receive", (leaf, gradient), {}, value)
        self.gradients[leaf] = received.value, received
        return received.value

    def effect(self, function: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
        """Call a function on real arrays, now and whenever the program runs."""
        args = tuple([list(x) if isinstance(x, Iterator) else x for x in args])
        self.effects = True
        with watching(None):
            result: Any = function(*map_tree(_plain, args), **map_tree(_plain, kwargs))
        tree = map_tree(self._operand, (args, kwargs))
        if result is None or isinstance(result, Node):
            self.log.add("replay", function, tree[0], tree[1])
            return result  # type: ignore[return-value]
        traced = self.log.add("new", function, tree[0], tree[1], result)
        self.log.calls[-1].kind = "replay"  # whose result is new, but which nothing may leave out or repeat
        return traced if isinstance(result, np.ndarray) else Opaque(traced.slot, result)  # type: ignore[return-value]

    def _operand(self, x: Any) -> Any:
        if isinstance(x, Opaque):
            return x.slot
        if isinstance(x, Tensor) and isinstance(x._data, Traced):
            return AsTensor(x._data.slot)
        return x

    def _result_slot(self, x: Any) -> Any:
        if isinstance(x, Tensor) and x._operation and x._args is not None:
            raise CompileError(
                "compile: the step returns a tensor that is still part of a graph, which a program does not "
                "make. Call backward() in the step, or return x.detach(), or compute under no_grad()."
            )
        if isinstance(x, Traced) and x.is_number:
            return AsNumber(x.slot)
        if isinstance(x, Traced | Opaque):
            return x.slot
        if not isinstance(x, Tensor | np.ndarray | np.generic | int | float | str | None):
            raise CompileError(
                f"compile: the step returns a {type(x).__name__}. It may return tensors, arrays and numbers, "
                "and plain tuples, lists and dicts of them."
            )
        return self._operand(x)

    # --------------------------------------------------------------------------------------- the others

    def enters(self, layer: Any) -> None:
        self.trace.modules[layer] = layer.training

    def decides(self, condition: Any) -> bool:
        """A program checks, before each run, that this is so again."""
        return condition.holds() if isinstance(condition, Traced) else bool(condition)

    def reveals(self, what: str) -> None:
        cure = "Do it outside of the step; what an optimizer needs of it, its update is given."
        refuse(f"reading or changing {what}", cure)

    def looks(self, array: Any) -> Any:
        return array.value if isinstance(array, Traced) else array

    def draws(self, source: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """A generator that is found, or made of a seed, and drawn from again whenever the program runs.

        One that the step made itself is another at each recording: that is noticed, as it is an argument.
        """

        def generator(*args: P.args, **kwargs: P.kwargs) -> R:
            return source(*args, **kwargs)

        found: Any = self.effect(generator, args, kwargs)
        self.drawn.add(id(found.value))
        return _Draws(self, found)  # type: ignore[return-value]


class Opaque:
    """A number that a function called by `effect` returned: the step may return it, and no more."""

    def __init__(self, slot: Slot, value: Any) -> None:
        self.slot = slot
        self.value = value


def _refuse_number(*_: Any) -> NoReturn:
    what = "computing with a number that each run finds anew, such as one drawn at random or a norm"
    refuse(what, "Draw an array of one, as in generator.random(1), or return the number.")


for _name in (
    *("array", "bool", "float", "int", "index", "format", "eq", "lt", "le", "gt", "ge", "neg"),
    *("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv"),
):
    setattr(Opaque, f"__{_name}__", _refuse_number)


class _Draws(Drawn):
    """A generator's methods, each of which is an effect."""

    def __init__(self, tracer: Tracer, generator: Opaque) -> None:
        self._tracer = tracer
        self._generator = generator

    def __getattr__(self, name: str) -> Any:
        def draw(generator: np.random.Generator, *args: Any, **kwargs: Any) -> Any:
            return getattr(generator, name)(*args, **kwargs)

        draw.__name__ = name
        return lambda *args, **kwargs: self._tracer.effect(draw, (self._generator, *args), kwargs)


def _left_behind(x: Any) -> Any:
    """What an array or a generator of a recording is afterwards."""
    if isinstance(x, _Draws):
        return x._generator.value
    return x.value if isinstance(x, Traced) else x


def _untrace(tensor: Tensor) -> None:
    if isinstance(tensor._data, Traced):
        tensor._data = tensor._data.value
    if isinstance(tensor._grad, Traced):
        tensor._grad = tensor._grad.value


def _gradient_of(tensor: Tensor) -> Any:
    return tensor._grad


def _plain(x: Any) -> Any:
    """The real array or number, or a tensor of it."""
    if isinstance(x, Traced | Opaque):
        return x.value[()] if isinstance(x, Traced) and x.is_number else x.value
    if isinstance(x, Tensor) and isinstance(x._data, Traced):
        return Tensor.from_numpy(x._data.value)
    return x


__all__ = ["Trace", "Tracer"]
