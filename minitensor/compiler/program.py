"""A trace made into a program: a flat list of NumPy calls, as Python source.

Arrays whose memory the program owns are global names of it, made once; so are their views. What is new at
each run (arguments, results, what a function makes itself) is a local name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minitensor import memory
from minitensor.compiler.flat import FlatStep, home_of, is_elementwise, small_last
from minitensor.compiler.passes import (
    GRADIENTS,
    checks_first,
    share_memory,
    without_copies,
    without_dead,
    without_repeats,
)
from minitensor.compiler.traced import Array, AsNumber, AsTensor, Call, Slot, map_tree, slots_in
from minitensor.compiler.tracer import Trace
from minitensor.core.tensor import Tensor
from minitensor.optim.optimizer import Optimizer

_STEP = Optimizer._update_all.__wrapped__  # type: ignore[attr-defined]


class Stale(Exception):  # noqa: N818
    """A check of the program failed: the step would go another way with these arguments."""


class Program:
    """A trace that can be run again.

    Attributes:
        source: The Python source.
        run: The function that it defines, of the arrays among the step's arguments.
        lives: Whether the memory of tensors and optimizers still is what the program writes into.
        valid: Whether that is so, and all that the step had found is the very same.
    """

    run: Callable[..., Any]
    lives: Callable[[], bool]
    valid: Callable[[], bool]
    _in_modes: Callable[[], bool]  # lives, and tensors require grad and have one as they did

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.namespace: dict[str, Any] = {
            "_Stale": Stale,
            "_tensor": _tensor,
            "_errstate": np.errstate,
            "_asarray": np.asarray,
        }
        self.bound: dict[tuple[str, int], str] = {}  # by a proposal and an id, the name in the namespace
        self.numbered = dict.fromkeys(("run", "lives", "in_modes", "valid"), 1)
        self.names: dict[Slot, str] = {}
        self.static: set[Slot] = set()  # those with an array that stays
        self.views: dict[str, str] = {}  # of arrays that stay: how each is made, by name
        self.conditions: list[str] = []  # of the optimizers
        self.made = 0
        returned = set(slots_in(trace.result))
        fresh = {slot.root for slot in returned}
        gradients = {slot.root for call in trace.calls if call.function == "receive" for slot in call.reads()}
        calls = without_copies(without_repeats(trace.calls, fresh | gradients), fresh)
        self.calls = calls = checks_first(without_dead(calls, returned | fresh))
        self.written = {slot.root for call in calls for slot in call.writes}
        self.received = [call.args for call in calls if call.function == "receive"]
        self.owned = [call.result for call in calls if call.result is not None and _can_be_given(call, fresh)]
        taken = {slot.root for call in calls if call.function in GRADIENTS for slot in call.reads()}
        self.block_of, self.sizes = share_memory(calls, self.owned, taken & set(self.owned))
        self.blocks = [memory.empty(size) for size in self.sizes]
        self.side_by_side: set[Slot] = set()  # gradients that lie in the vector of an optimizer
        self.steps = {id(call): self._side_by_side(call.args[0]) for call in calls if call.function is _STEP}
        self.lines = self._with_guards([self._line(call) for call in calls])
        self._compile()

    def _side_by_side(self, optimizer: Optimizer) -> list[Any]:
        """Put the gradients of each of the optimizer's groups into a vector; [] where that cannot be."""
        gradients = {tensor: slot for tensor, slot in self.received if isinstance(slot, Slot)}
        if not is_elementwise(optimizer) or len(gradients) < len(self.received):
            return []
        groups = []
        for group in optimizer.param_groups:
            parameters = small_last([parameter for parameter in group["params"] if parameter in gradients])
            slots = [gradients[parameter] for parameter in parameters]
            for parameter, slot in zip(parameters, slots, strict=True):
                own = (parameter.shape, parameter.data.strides, parameter.dtype)
                alike = (slot.shape, slot.strides, slot.dtype) == own
                if not alike or slot.root not in self.block_of or slot.root.nbytes != slot.nbytes:
                    return []
                if slot.root in self.side_by_side:  # by an earlier step of an optimizer
                    return []
            if not parameters:
                continue
            home = home_of(optimizer, parameters)
            if home is None:
                return []
            vector = memory.empty(home.vector.nbytes)
            self.side_by_side |= {slot.root for slot in slots}
            start = 0
            for slot in slots:
                self.blocks[self.block_of[slot.root]] = vector[start : start + slot.nbytes]
                start += slot.nbytes
            groups.append((home, group, vector.view(home.vector.dtype), slots))
        return groups

    # ------------------------------------------------------------------------------------------- names

    def _bind(self, name: str, value: Any) -> str:
        """A global name for the value: this one, or with a number."""
        known = (name, id(value))
        if known not in self.bound:
            n = self.numbered[name] = self.numbered.get(name, 0) + 1
            self.bound[known] = name if n == 1 else f"{name}_{n}"
            self.namespace[self.bound[known]] = value
        return self.bound[known]

    def _keep(self, slot: Slot, name: str, array: Array) -> str:
        """A global name for a slot whose array stays."""
        self.static.add(slot)
        self.names[slot] = self._bind(name, array)
        return self.names[slot]

    def _new(self, slot: Slot) -> str:
        """A local name for a slot whose array is new at each run."""
        self.made += 1
        self.names[slot] = f"v{self.made}"
        return self.names[slot]

    def _name(self, slot: Slot) -> str:
        if slot in self.names:
            return self.names[slot]
        if slot.kind == "argument":
            self.names[slot] = f"x{slot.held}"
            return self.names[slot]
        if slot.kind == "tensor":
            return self._keep(slot, "w", slot.held._data)
        assert slot.kind == "constant", "a slot is used before it is made"
        return self._keep(slot, "c", slot.held)

    def _array(self, slot: Slot) -> Array:
        """The array of a slot that stays."""
        return self.namespace[self._name(slot)]

    def _function(self, function: Any) -> str:
        owner = getattr(function, "__self__", None)
        name = getattr(function, "__name__", type(function).__name__).strip("<>")
        return self._bind(f"{owner.__name__}_{name}" if isinstance(owner, np.ufunc) else name, function)

    # ------------------------------------------------------------------------------------- expressions

    def _text(self, x: Any) -> str:
        """An argument as Python source."""
        if isinstance(x, Slot):
            return self._name(x)
        if isinstance(x, AsTensor):
            return f"_tensor({self._name(x.slot)})"
        if type(x) is tuple:
            return "(" + "".join([self._text(item) + ", " for item in x]) + ")"
        if type(x) is list:
            return "[" + ", ".join([self._text(item) for item in x]) + "]"
        if type(x) is dict:
            return "{" + ", ".join([f"{name!r}: {self._text(item)}" for name, item in x.items()]) + "}"
        if x is None or type(x) in (bool, int, str) or (type(x) is float and math.isfinite(x)):
            return repr(x)
        if isinstance(x, np.dtype | type):
            return self._bind(getattr(x, "name", getattr(x, "__name__", "type")), x)
        return self._bind("c" if isinstance(x, np.ndarray | np.generic) else type(x).__name__.lower(), x)

    def _key(self, key: Any) -> str:
        """What stands between the brackets of an index."""
        texts = []
        for part in key if type(key) is tuple else (key,):
            if isinstance(part, slice):
                ends = ["" if end is None else self._text(end) for end in (part.start, part.stop, part.step)]
                texts.append(":".join(ends[:2] if part.step is None else ends))
            else:
                texts.append("..." if part is ... else self._text(part))
        return (", ".join(texts) + ("," if len(texts) == 1 and type(key) is tuple else "")) or "()"

    def _arguments(self, call: Call) -> list[str]:
        """The arguments; numbers as arrays in arithmetic, as NumPy takes those in half the time."""
        dtypes = {x.dtype for x in call.args if isinstance(x, Slot | np.ndarray)}
        dtype = dtypes.pop() if len(dtypes) == 1 else None
        if not isinstance(call.function, np.ufunc) or dtype is None or dtype.kind != "f":
            return [self._text(x) for x in call.args]
        numbers = (float, int, dtype.type)
        return [self._text(np.array(x, dtype) if type(x) in numbers else x) for x in call.args]

    def _expression(self, call: Call, out: str = "") -> str:
        """A call as Python source, its result going into `out` if one is named."""
        function, attrs = call.function, dict(call.attrs)
        if attrs.get("out") is not None:
            given = attrs.pop("out")
            out = self._text(given[0] if type(given) is tuple and len(given) == 1 else given)
        if function == "same":
            return self._text(call.args[0])
        if function == "item":
            return f"{self._text(call.args[0])}[{call.args[1]}]"
        if function == "local":
            rule, i, gradient, *_ = call.args
            return f"{self._text(rule)}[{i}]({self._text(gradient)})"
        if function == "[]":
            return f"{self._text(call.args[0])}[{self._key(call.args[1])}]"
        if function in _COMPARISONS and not out and call.result is not None and not call.result.shape:
            return f" {_COMPARISONS[function]} ".join([self._text(x) for x in call.args])
        args = self._arguments(call)
        if function is np.dot and isinstance(call.args[0], Slot | np.ndarray):
            function = ".dot"  # the same, in less time
        by_position = function == ".dot" or (
            isinstance(function, np.ufunc) and function not in (np.maximum, np.minimum)
        )
        if isinstance(function, str):
            function, args = f"{args[0]}{function}", args[1:]
            if not function.endswith("()") and not args:
                return function  # .T
            function = function.removesuffix("()")
        if out and by_position:
            args.append(out)  # takes less time than by name, which those two insist on
        elif out:
            attrs["out"] = out
        named = [f"{name}={x if name == 'out' else self._text(x)}" for name, x in attrs.items()]
        written = function if isinstance(function, str) else self._function(function)
        return f"{written}({', '.join([*args, *named])})"

    # -------------------------------------------------------------------------------------- statements

    def _line(self, call: Call) -> tuple[str, Call]:
        """A call as a statement; empty where nothing is left to do at run time."""
        result, args = call.result, call.args
        if result is not None and call.kind == "view" and all([self._stays(slot) for slot in call.reads()]):
            self.made += 1
            seen = self._expression(call)
            self.views[self._keep(result, f"b{self.made}", self._view(call))] = seen
            return "", call
        if result is not None and result in self.block_of:
            self.made += 1
            block = self.blocks[self.block_of[result]]
            array: Array = np.ndarray(result.shape, result.dtype, block.data, 0, result.strides)
            out = self._keep(result, f"b{self.made}", array)
            if call.kind == "copy":
                return f"{out}[...] = {self._text(args[0])}", call
            return self._expression(call, out), call
        if call.kind == "check":
            return f"if {'not ' if args[1] else ''}{self._text(args[0])}: raise _Stale", call
        if call.function == "assign":
            value = self._text(args[1]) + (".copy('K')" if isinstance(args[1], np.ndarray) else "")
            return f"{self._text(args[0])}._grad = {value}", call
        if call.function == "[]=":
            return f"{self._text(args[0])}[{self._key(args[1])}] = {self._text(args[2])}", call
        if call.function == "receive" and result is not None:
            held, part = f"{self._text(args[0])}._grad", self._text(args[1])
            return f"{self._new(result)} = {held} = {part} if {held} is None else {held} + {part}", call
        if self.steps.get(id(call)):
            groups = [
                (home, group, vector, [self._array(slot) for slot in slots])
                for home, group, vector, slots in self.steps[id(call)]
            ]
            step = FlatStep(args[0], groups)
            self.conditions += step.conditions(self._bind)
            return f"{self._bind('step', step)}()", call
        expression = self._expression(call)
        if result is None:
            return expression, call
        if not result.shape and result in self.written:  # NumPy makes numbers of such results
            expression = f"_asarray({expression})"
        return f"{self._new(result)} = {expression}", call

    def _stays(self, slot: Slot) -> bool:
        self._name(slot)
        return slot in self.static

    def _view(self, call: Call) -> Array:
        """A view of arrays that stay."""
        args, attrs = map_tree(
            lambda x: self._array(x) if isinstance(x, Slot) else x, (call.args, call.attrs)
        )
        function = call.function
        if function == "same":
            return args[0]
        if function == "[]":
            return args[0][args[1]]
        if isinstance(function, str):
            found = getattr(args[0], function[1:].removesuffix("()"))
            return found(*args[1:], **attrs) if callable(found) else found
        return function(*args, **attrs)

    def _with_guards(self, lines: list[tuple[str, Call]]) -> list[tuple[str, Call | None]]:
        """Before memory of a gradient is written, a tensor that has it from the last run keeps a copy."""
        guards: dict[Slot, list[str]] = {}
        for tensor, gradient in self.received:
            if gradient in self.static:
                held, array = f"{self._text(tensor)}._grad", self._name(gradient)
                guard = f"if {held} is {array}: {held} = {array}.copy('K')"
                guards.setdefault(gradient.root, []).append(guard)
        found: list[tuple[str, Call | None]] = []
        for text, call in lines:
            if call.result is not None:
                found += [(guard, None) for guard in guards.pop(call.result, ())]
            if text:
                found.append((text, call))
        return found

    def _compile(self) -> None:
        body = []
        for text, call in self.lines:
            indent = "    "
            if call is not None and call.errors is not None:
                states = ", ".join([f"{kind}={state!r}" for kind, state in call.errors.items()])
                body.append(f"{indent}with _errstate({states}):")
                indent *= 2
            body.append(indent + text)
        arguments = ", ".join([f"x{i}" for i in self.trace.arguments])
        self.source = "\n".join(
            [f"def run({arguments}):", *body, f"    return {self._returned(self.trace.result)}\n"]
        )
        exec(compile(self.source, "<compiled step>", "exec"), self.namespace)
        self.run = self.namespace["run"]
        self._compile_checks()

    def _compile_checks(self) -> None:
        lives, modes = [], []
        for tensor, slot in self.trace.tensors.items():
            if slot.kind == "tensor":
                name, data = self._text(tensor), self._bind("w", tensor._data)
                lives.append(f"{name}._data is {data}")
                modes.append(f"{name}._requires_grad is {self.trace.flags[tensor]}")
        for tensor, needed in self.trace.surroundings.tensors.items():
            modes.append(f"{self._text(tensor)}._requires_grad is {needed}")
            if tensor not in self.trace.tensors:  # but its shape may have been read
                name, data = self._text(tensor), self._bind("data", tensor._data)
                modes.append(
                    f"({name}._data is {data} or {self._bind('alike', _alike)}({name}._data, {data}))"
                )
        for tensor, had_one in self.trace.gradients.items():
            modes.append(f"{self._text(tensor)}._grad is {'not ' * had_one}None")
        lives += self.conditions
        modes = [*lives, *modes]
        valid = [*modes, *self.trace.surroundings.source(self._bind)]
        checks = {"lives": lives, "in_modes": modes, "valid": valid}
        exec(
            compile("".join(_check(name, checks[name]) for name in checks), "<checks>", "exec"),
            self.namespace,
        )
        self.lives, self.valid = self.namespace["lives"], self.namespace["valid"]
        self._in_modes = self.namespace["in_modes"]

    def holds_again(self) -> bool:
        """Whether all that the step had found is as it was, though not the very same; takes over what is."""
        if not self._in_modes():
            return False
        surroundings = self.trace.surroundings
        verdict = surroundings.is_as_it_was()
        if verdict is None:
            now = surroundings.again()
            verdict = now is not None and now.difference(surroundings) is None
            if now is not None and verdict:
                self.trace.surroundings = now
                self._compile_checks()
        return verdict

    def _returned(self, tree: Any) -> str:
        """The result as Python source; of what stays, a copy."""
        if isinstance(tree, AsTensor):
            name = self._name(tree.slot)
            return f"_tensor({name}.copy('K'))" if tree.slot in self.static else f"_tensor({name})"
        if isinstance(tree, AsNumber):
            return f"{self._name(tree.slot)}[()]"
        if isinstance(tree, Slot):
            name = self._name(tree)
            if tree in self.static:
                return f"{name}.copy('K')"
            return name if tree.shape else f"_asarray({name})"  # NumPy makes numbers of such results
        if type(tree) is dict:
            return "{" + ", ".join([f"{name!r}: {self._returned(x)}" for name, x in tree.items()]) + "}"
        if type(tree) is tuple:
            return "(" + "".join([self._returned(x) + ", " for x in tree]) + ")"
        if type(tree) is list:
            return "[" + ", ".join([self._returned(x) for x in tree]) + "]"
        return self._text(tree)

    # ------------------------------------------------------------------------------------- explanation

    def explain(self) -> str:
        """The program: each line, the operation it is part of, and what it makes."""
        unshared = sum([slot.nbytes for slot in self.owned])
        rows = [
            f"{len(self.lines)} lines for {len(self.trace.calls)} calls that were traced; "
            f"{sum(self.sizes):,} bytes of memory in {len(self.sizes)} blocks, of {unshared:,} not shared"
        ]
        slots = {slot for call in self.trace.calls for slot in call.reads() if slot.kind == "argument"}
        rows += [f"x{slot.held}: argument, {_describe(slot)}" for slot in sorted(slots, key=lambda x: x.held)]
        for name, x in self.namespace.items():
            if name in self.views:
                rows.append(f"{name}: {self.views[name]}, a view, {x.shape} {x.dtype}")
            elif name.rstrip("_0123456789") == "w" and isinstance(x, np.ndarray):
                rows.append(f"{name}: a tensor's array, {x.shape} {x.dtype}")
            elif name.rstrip("_0123456789") == "c" and isinstance(x, np.ndarray | np.generic):
                rows.append(f"{name}: constant, " + (f"{x.shape} {x.dtype}" if x.ndim else f"{x.item()!r}"))
        for text, call in self.lines:
            notes = []
            if call is not None:
                made = call.result
                notes = [call.part_of] if call.part_of else []
                if made is not None and made.nbytes and call.function != "receive":
                    block = f" in block {self.block_of[made]}" if made in self.block_of else ""
                    notes.append(_describe(made) + block)
            rows.append(f"    {text:<56}  # {'; '.join(notes)}" if notes else f"    {text}")
        rows.append(self.source.splitlines()[-1])
        return "\n".join(rows)


_COMPARISONS: dict[Any, str] = {
    np.equal: "==",
    np.not_equal: "!=",
    np.less: "<",
    np.less_equal: "<=",
    np.greater: ">",
    np.greater_equal: ">=",
}


def _can_be_given(call: Call, fresh: set[Slot]) -> bool:
    """Whether a call's result can go into memory that the program owns."""
    result = call.result
    if result is None or call.kind not in ("into", "copy") or result.view_of is not None:
        return False
    if call.function in _COMPARISONS and not result.shape:  # of single numbers: Python's takes half the time
        return False
    return result not in fresh and _is_dense(result) and result.nbytes > 0


def _is_dense(slot: Slot) -> bool:
    """Whether the elements fill their memory, in whatever order of the axes."""
    expected = slot.dtype.itemsize
    for stride, n in sorted(zip(slot.strides, slot.shape, strict=True)):
        if n != 1:
            if stride != expected:
                return False
            expected *= n
    return True


def _describe(slot: Slot) -> str:
    return f"{slot.shape} {slot.dtype}"


def _check(name: str, conditions: list[str]) -> str:
    """A function that says whether all conditions hold, as Python source."""
    expression = "\n            and ".join(dict.fromkeys(conditions)) or "True"
    lines = [
        "    try:",
        f"        return ({expression})",
        "    except (LookupError, AttributeError, ValueError):",
    ]
    return "\n".join([f"def {name}():", *lines, "        return False", ""])


def _alike(x: Array, y: Array) -> bool:
    return (x.shape, x.dtype, x.strides) == (y.shape, y.dtype, y.strides)


def _tensor(array: Any) -> Tensor:
    tensor = Tensor.__new__(Tensor)
    tensor._start(np.asarray(array))
    return tensor
