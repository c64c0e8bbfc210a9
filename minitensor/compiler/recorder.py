"""Recording a step: its tensors hold `Recorded` arrays meanwhile, and the engine runs as always."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from minitensor.compiler.recorded import AsTensor, Call, Recorded, Slot, Tape, map_tree, refuse, values
from minitensor.errors import CompileError
from minitensor.graph import Node, observers
from minitensor.operation import Operation
from minitensor.recording import active, is_refusal, peek
from minitensor.tensor import Tensor
from minitensor.value import Value

_one_at_a_time = threading.RLock()
_UNKNOWN = object()


@dataclass
class Recording:
    """What one run of a step was.

    Attributes:
        calls: What was called, in order.
        arguments: Which of the step's arguments are arrays.
        tensors: The slots of the tensors whose memory is read or written.
        modules: The modules that were called, with their `training`.
        flags: Whether each tensor required grad.
        result: What the step returned, with slots in place of arrays.
    """

    calls: list[Call] = field(default_factory=list)
    arguments: list[int] = field(default_factory=list)
    tensors: dict[Tensor, Slot] = field(default_factory=dict)
    modules: dict[Any, bool] = field(default_factory=dict)
    flags: dict[Tensor, bool] = field(default_factory=dict)
    result: Any = None

    def has_modes_of(self, other: Recording) -> bool:
        """Whether the same tensors required grad, and the same modules were training."""
        pairs = (self.flags, other.flags), (self.modules, other.modules)
        return all([one.get(x, mode) == mode for one, two in pairs for x, mode in two.items()])


class _Traced(Tensor):
    """Whose rules and wrapping tensors use while something is recorded; there are no instances."""

    __slots__ = ()

    @classmethod
    def _run(
        cls, operation: Operation, args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        recorder = active.recorder
        if not isinstance(recorder, Recorder):
            return super()._run(operation, args, attrs)
        for arg in args:
            if isinstance(arg, Tensor):
                recorder.lift(arg)
        return super()._run(recorder.traced(operation), args, attrs)


class _TracedOperation:
    """An operation whose rule may fail on recorded arrays, and is then recorded as a whole."""

    def __init__(self, recorder: Recorder, operation: Operation) -> None:
        self._recorder = recorder
        self._operation = operation

    def __getattr__(self, name: str) -> Any:
        return getattr(self._operation, name)

    def function(self, *args: Any, **attrs: Any) -> tuple[Any, ...]:
        return self._recorder.run(self._operation, args, attrs)


class Recorder:
    """Runs a step once, and writes down what it computes and what it changes."""

    def __init__(self) -> None:
        self.tape = Tape()
        self.recording = Recording(self.tape.calls)
        self.thread = threading.get_ident()
        self.given: dict[Tensor, Any] = {}  # the gradient of each lifted tensor as the program knows it

    # ---------------------------------------------------------------------------------------- the run

    def run_step(self, step: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of step(*args, **kwargs), in which arrays and tensors are recorded as arguments."""
        position = iter(range(len(args) + len(kwargs)))

        def argument(x: Any) -> Any:
            held = next(position)
            array = x._data if isinstance(x, Tensor) else x
            if not isinstance(array, np.ndarray) or (isinstance(x, Tensor) and x._requires_grad):
                return x
            self.recording.arguments.append(held)
            slot = Slot("argument", array.shape, array.dtype, array.strides, held)
            recorded = Recorded(self.tape, slot, array)
            return _tensor(recorded) if isinstance(x, Tensor) else recorded

        with _one_at_a_time, self._in_charge():
            recorded = tuple(map(argument, args))  # by position first: Python would begin with the named ones
            result = step(*recorded, **{name: argument(x) for name, x in kwargs.items()})
            self.settle()
            self.recording.result = map_tree(self._result_slot, result)  # before tensors are lowered
            plain = map_tree(_plain, result)
        self.tape.closed = True
        return plain

    @contextmanager
    def _in_charge(self) -> Iterator[None]:
        kind = Tensor.kind
        Tensor.kind = _Traced
        active.recorder = self
        observers.append(self)
        try:
            yield
        finally:
            observers.remove(self)
            active.recorder = None
            Tensor.kind = kind
            for tensor in self.recording.tensors:
                self._lower(tensor)

    # -------------------------------------------------------------------------------------- operations

    def lift(self, tensor: Tensor) -> None:
        """Let a tensor from outside hold a recorded array over its own memory, until the run has ended."""
        array = tensor._data
        if isinstance(array, Recorded) or tensor._operation:
            return
        slot = Slot("tensor", array.shape, array.dtype, array.strides, tensor)
        for other, known in self.recording.tensors.items():  # another tensor of the same memory
            if peek(other._data) is array:
                slot = known
        tensor._data = Recorded(self.tape, slot, array)  # type: ignore[assignment]
        self.recording.tensors[tensor] = slot
        self.recording.flags[tensor] = tensor._requires_grad
        self.given[tensor] = tensor._grad

    def _lower(self, tensor: Tensor) -> None:
        if isinstance(tensor._data, Recorded):
            tensor._data = tensor._data.value
        if isinstance(tensor._grad, Recorded):
            tensor._grad = tensor._grad.value
        elif isinstance(tensor._grad, Tensor) and isinstance(tensor._grad._data, Recorded):
            tensor._grad = _tensor(tensor._grad._data.value)

    def traced(self, operation: Operation) -> Any:
        """The operation, recorded."""
        return operation if isinstance(operation, _TracedOperation) else _TracedOperation(self, operation)

    def run(self, operation: Operation, args: tuple[Any, ...], attrs: dict[str, Any]) -> tuple[Any, ...]:
        """A rule's value and local gradients, each of which is written down when it is called."""
        if not any([isinstance(x, Recorded) for x in args]):
            return operation.function(*args, **attrs)
        outer, self.tape.part_of = self.tape.part_of, operation.name
        mark = len(self.tape.calls)
        try:
            outputs = operation.function(*args, **attrs)
        except Exception as error:
            if not is_refusal(error):
                raise
            del self.tape.calls[mark:]
            outputs = self.as_a_whole(operation, args, attrs)
        finally:
            self.tape.part_of = outer
        return outputs[0], *[
            self._local(operation, args, attrs, i, outputs[i]) for i in range(1, len(outputs))
        ]

    def as_a_whole(
        self, operation: Operation, args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[Any, ...]:
        outputs = operation.function(*values(args), **values(attrs))
        function = operation.function
        together = self.tape.add("new", function, args, attrs, np.empty(0))
        value = self.tape.add("new", "item", (together, 0, *args), {}, outputs[0])

        def local(i: int) -> Callable[[Any], Any]:
            def run(g: Any) -> Any:
                part = outputs[i](g.value if isinstance(g, Recorded) else g)
                return self.tape.add("new", "local", (together, i, g, value, *args), {}, part)

            return run

        return value, *[None if outputs[i] is None else local(i) for i in range(1, len(outputs))]

    def _local(
        self, operation: Operation, args: tuple[Any, ...], attrs: dict[str, Any], i: int, local: Any
    ) -> Any:
        if local is None:
            return None

        def run(g: Any) -> Any:
            outer, self.tape.part_of = self.tape.part_of, operation.name + "′"
            mark = len(self.tape.calls)
            try:
                return local(g)
            except Exception as error:
                if isinstance(g, Node) or not is_refusal(error):
                    raise
                del self.tape.calls[mark:]
                return self.as_a_whole(operation, args, attrs)[i](g)
            finally:
                self.tape.part_of = outer

        run.__wrapped__ = local  # type: ignore[attr-defined]
        return run

    # ------------------------------------------------------------------------------------- what changes

    def replay(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function on real arrays, now and whenever the program runs."""
        self.settle()
        args = tuple([list(x) if isinstance(x, Iterator) else x for x in args])
        lifted = list(self.recording.tensors)
        held = {tensor: (tensor._data, tensor._grad) for tensor in lifted}
        for tensor in lifted:
            self._lower(tensor)
        active.recorder = None
        try:
            result = function(*map_tree(_plain, args), **map_tree(_plain, kwargs))
        finally:
            active.recorder = self
            for tensor, (data, gradient) in held.items():
                if isinstance(data, Recorded) and tensor._data is data.value:
                    tensor._data = data
                if isinstance(gradient, Recorded) and tensor._grad is gradient.value:
                    tensor._grad = gradient
                self.given[tensor] = tensor._grad
        tree = map_tree(self._operand, (args, kwargs))
        if result is None or isinstance(result, Tensor | Node):
            self.tape.add("replay", function, tree[0], tree[1])
            return result
        recorded = self.tape.add("new", function, tree[0], tree[1], result)
        self.tape.calls[-1].kind = "replay"
        return recorded if isinstance(result, np.ndarray) else Number(recorded.slot, result)

    def settle(self) -> None:
        """Write down the gradients that were assigned to tensors since the last time."""
        for tensor in self.recording.tensors:
            if tensor in self.given and tensor._grad is not self.given[tensor]:
                self.given[tensor] = tensor._grad
                self.tape.add("replay", "assign", (tensor, self._operand(tensor._grad)), {})

    def _operand(self, x: Any) -> Any:
        if isinstance(x, Number):
            return x.slot
        if isinstance(x, Tensor) and isinstance(x._data, Recorded) and x not in self.recording.tensors:
            return AsTensor(x._data.slot)
        return x

    def _result_slot(self, x: Any) -> Any:
        if isinstance(x, Tensor) and x._operation and x._args is not None:
            raise CompileError(
                "compile: the step returns a tensor that is still part of a graph, which a program does not "
                "make. Call backward() in the step, or return x.detach(), or compute under no_grad()."
            )
        return x.slot if isinstance(x, Recorded | Number) else self._operand(x)

    # --------------------------------------------------------------------------- what the engine tells us

    def made(self, node: Node, operation: Operation, args: tuple[Any, ...]) -> None:
        if isinstance(node, Value) and threading.get_ident() == self.thread:
            refuse("computing with Values", "A program is made of NumPy's calls: run scalar mode as it is.")

    def received(self, leaf: Node, gradient: Any) -> Any:
        """A leaf takes a gradient: written down as a call whose result is the leaf's gradient then."""
        if threading.get_ident() != self.thread or active.recorder is not self:
            return gradient
        if leaf not in self.recording.tensors or isinstance(leaf.grad, Recorded | Tensor):
            return gradient
        if isinstance(gradient, np.ndarray):  # it does not depend on what is recorded
            gradient = self.tape.add("copy", np.array, (gradient,), {}, gradient)
        elif not isinstance(gradient, Recorded):
            return gradient
        assert isinstance(leaf, Tensor)
        self.settle()
        value = gradient.value if leaf._grad is None else np.asarray(leaf._grad + gradient.value)
        leaf._grad = None
        received = self.tape.add("replay", "receive", (leaf, gradient), {}, value)
        self.given[leaf] = received
        return received

    def assigns(self, leaf: Node) -> None:
        if threading.get_ident() == self.thread and active.recorder is self and isinstance(leaf, Tensor):
            self.lift(leaf)
            self.given[leaf] = _UNKNOWN

    def entered(self, module: Any) -> None:
        if threading.get_ident() == self.thread and active.recorder is self:
            self.recording.modules[module] = module.training

    def writes(self, node: Node) -> None:
        if threading.get_ident() == self.thread and active.recorder is self and isinstance(node, Tensor):
            self.lift(node)

    def origin(self, node: Node) -> str:
        return ""

    def finished(self, order: Sequence[Node]) -> None:
        pass

    # ------------------------------------------------------------------------------------ random numbers

    def draw_from(self, source: Callable[[], np.random.Generator]) -> Any:
        """A generator whose drawing is done again whenever the program runs."""
        return _Draws(self, source)


class Number:
    """A number that a replayed function returned: it may be returned by the step, and no more."""

    def __init__(self, slot: Slot, value: Any) -> None:
        self.slot = slot
        self.value = value


def _refuse_number(*_: Any) -> NoReturn:
    refuse("computing with a number that a function such as clip_grad_norm_ returned", "Return it.")


for _name in (
    *("array", "bool", "float", "int", "index", "format", "eq", "lt", "le", "gt", "ge", "neg"),
    *("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv"),
):
    setattr(Number, f"__{_name}__", _refuse_number)


class _Draws:
    def __init__(self, recorder: Recorder, source: Callable[[], np.random.Generator]) -> None:
        self._recorder = recorder
        self._source = source

    def __getattr__(self, name: str) -> Any:
        source = self._source

        def draw(*args: Any, **kwargs: Any) -> Any:
            return getattr(source(), name)(*args, **kwargs)

        draw.__name__ = name
        return lambda *args, **kwargs: self._recorder.replay(draw, args, kwargs)


def _tensor(array: Any) -> Tensor:
    tensor = Tensor.__new__(Tensor)
    tensor._start(array)
    return tensor


def _plain(x: Any) -> Any:
    """The real array, or a tensor of it."""
    if isinstance(x, Recorded | Number):
        return x.value
    if isinstance(x, Tensor) and isinstance(x._data, Recorded):
        return _tensor(x._data.value)
    return x


__all__ = ["Recorder", "Recording"]
