"""A recording made into a program: what is not needed left out, memory given out once, and Python source.

The source is a flat list of NumPy calls. Arrays whose memory the program owns are global names of it, made
once; so are their views. What is new at each run (arguments, results, what a function makes itself) is a
local name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minitensor import memory
from minitensor.compiler.recorded import Array, AsTensor, Call, Slot, map_tree, slots_in
from minitensor.compiler.recorder import Recording
from minitensor.errors import CompileError
from minitensor.optim.flat import FlatStep, home_of
from minitensor.optim.optimizer import Optimizer
from minitensor.tensor import Tensor

_STEP = Optimizer.step.__wrapped__  # type: ignore[attr-defined]


class Stale(Exception):  # noqa: N818
    """A check of the program failed: the step would go another way with these arguments."""


# ----------------------------------------------------------------------------------------- what is needed


def without_copies(calls: list[Call], shared: set[Slot]) -> list[Call]:
    """Where an array is copied although neither it nor the copy is written to afterwards, take it itself.

    `shared` are roots that others may see or change, and which are therefore no substitute for a copy.
    """
    made = {call.result for call in calls if call.result is not None and call.result.view_of is None}
    written: dict[Slot, int] = {}
    taken = {slot.root for call in calls if call.function == "receive" for slot in call.reads()}
    for i, call in enumerate(calls):
        for slot in call.writes:
            written[slot.root] = i
    kept = []
    for i, call in enumerate(calls):
        source = next(call.reads(), None)
        if call.kind == "copy" and source is not None and call.result is not None:
            root, copy = source.root, call.result
            same = (source.strides, source.dtype) == (copy.strides, copy.dtype)
            safe = max(written.get(root, -1), written.get(copy, -1)) < i
            if same and safe and root in made and root not in shared and not {root, copy} <= taken:
                copy.view_of = source
                if copy in taken:
                    taken.add(root)
                kept.append(Call("view", "same", (source,), {}, copy, (), call.part_of, call.line))
                continue
        kept.append(call)
    return kept


def without_repeats(calls: list[Call]) -> list[Call]:
    """Where the same is computed twice, take the first result again."""
    written = {slot.root for call in calls for slot in call.writes}
    known: dict[Any, Slot] = {}
    checked: set[Any] = set()
    same: dict[Slot, Slot] = {}  # by result, the first like it
    kept = []
    for call in calls:
        result = call.result
        stays = all([slot.root.kind != "tensor" and slot.root not in written for slot in call.reads()])
        if not stays or call.kind in ("write", "replay") or (result is not None and result.root in written):
            kept.append(call)
            continue
        key = (call.function, _key((call.args, call.attrs), same), call.errors is None)
        if call.kind == "check":
            if key not in checked:
                checked.add(key)
                kept.append(call)
        elif result is not None and key in known:
            first = known[key]
            same[result] = first
            if result.view_of is None:
                result.view_of = first
            kept.append(Call("view", "same", (first,), {}, result, (), call.part_of, call.line))
        else:
            if result is not None:
                known[key] = result
            kept.append(call)
    return kept


def _key(x: Any, same: dict[Slot, Slot]) -> Any:
    """What can be compared and hashed of the arguments of a call."""
    if isinstance(x, Slot):
        return id(same.get(x, x))
    if isinstance(x, tuple | list):
        return (type(x), *[_key(item, same) for item in x])
    if isinstance(x, dict):
        return tuple([(name, _key(item, same)) for name, item in x.items()])
    if isinstance(x, slice):
        return ("slice", repr(x))
    return (type(x), x) if isinstance(x, int | float | str | None) else id(x)


def without_dead(calls: list[Call], wanted: set[Slot]) -> list[Call]:
    """Only the calls on which a wanted slot, a tensor's memory, a check or a replayed function depends."""
    live = set(wanted)
    kept = []
    for call in reversed(calls):
        roots = {slot.root for slot in call.writes}
        needed = call.kind in ("replay", "check") or call.result in live
        if call.result is not None and call.result.view_of is None:
            needed = needed or call.result.root in live
        if any([root in live or root.kind != "made" for root in roots]):
            needed = True
        if needed:
            for slot in call.reads():
                live |= {slot, slot.root}
            for slot in call.writes:
                live |= {slot, slot.root}
            if call.result is not None:
                live.add(call.result.root)
            kept.append(call)
    return kept[::-1]


def checks_first(calls: list[Call]) -> list[Call]:
    """Move the checks, and what they depend on, before anything that cannot be undone."""
    needed: set[Slot] = set()
    first = []
    for call in reversed(calls):
        made = [slot.root for slot in call.writes] + ([call.result] if call.result is not None else [])
        if call.kind == "check" or any([slot in needed for slot in made]):
            for slot in call.reads():
                needed |= {slot, slot.root}
            first.append(call)
    early = set(map(id, first))
    changed: set[Slot] = set()
    replayed = False
    for call in calls:
        if id(call) in early:
            of_tensors = [slot.root for slot in call.reads() if slot.root.kind == "tensor"]
            if call.kind == "replay" or (replayed and of_tensors) or changed & set(of_tensors):
                raise CompileError(
                    f"{call.part_of or 'a check'} in {call.line} depends on what the step itself changes or draws, "
                    "so compile cannot tell before the step whether its program applies."
                )
        else:
            changed |= {slot.root for slot in call.writes}
            replayed = replayed or call.kind == "replay"
    return first[::-1] + [call for call in calls if id(call) not in early]


# ----------------------------------------------------------------------------------------------- memory

_ELEMENTWISE = np.ufunc


def _is_elementwise(call: Call) -> bool:
    return isinstance(call.function, np.ufunc) and call.function.signature is None and not call.attrs


class Blocks:
    """Memory for arrays that do not live at the same time."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.free: list[int] = []

    def take(self, nbytes: int) -> int:
        """A free block, the one whose size fits best, or a new one."""
        best = min(self.free, key=lambda i: abs(self.sizes[i] - nbytes), default=None)
        if best is None or not nbytes / 4 <= self.sizes[best] <= 4 * nbytes:
            self.sizes.append(nbytes)
            return len(self.sizes) - 1
        self.free.remove(best)
        self.sizes[best] = max(self.sizes[best], nbytes)
        return best


def share_memory(calls: list[Call], owned: list[Slot], kept: set[Slot]) -> tuple[dict[Slot, int], list[int]]:
    """A block for each owned slot, from its first use to its last; those `kept` have theirs alone.

    Returns the blocks by slot, and their sizes.
    """
    last: dict[Slot, int] = {}
    for i, call in enumerate(calls):
        for slot in (*call.reads(), *call.writes, *([call.result] if call.result else [])):
            last[slot.root] = i
    blocks, block_of = Blocks(), {}
    mine = set(owned)
    for i, call in enumerate(calls):
        dying = {slot.root for slot in call.reads() if last[slot.root] == i} & mine - kept
        result = call.result
        if result is not None and result in mine and result not in block_of:
            if result in kept:
                blocks.sizes.append(result.nbytes)
                block_of[result] = len(blocks.sizes) - 1
            else:
                heir = _heir(call, dying)
                if heir is not None:
                    block_of[result] = block_of[heir]
                    dying.remove(heir)
                else:
                    block_of[result] = blocks.take(result.nbytes)
        for root in dying:
            if root in block_of:
                blocks.free.append(block_of[root])
        if result is not None and result in block_of and last[result] == i and result not in kept:
            blocks.free.append(block_of[result])
    return block_of, blocks.sizes


def _heir(call: Call, dying: set[Slot]) -> Slot | None:
    """An argument whose memory the result can take over: an elementwise function reads before it writes."""
    result = call.result
    if result is None or not _is_elementwise(call):
        return None
    reads = list(call.reads())
    for root in dying:
        views = [slot for slot in reads if slot.root is root]
        fits = [
            slot.nbytes == root.nbytes
            and (slot.shape, slot.strides) == (result.shape, result.strides)
            and slot.dtype.itemsize == result.dtype.itemsize
            for slot in views
        ]
        if views and all(fits):
            return root
    return None


def allocate(slot: Slot, block: Array) -> Array:
    """An array for the slot over the block, with the strides it had when it was recorded."""
    return np.ndarray(slot.shape, slot.dtype, block, 0, slot.strides)


def _is_dense(slot: Slot) -> bool:
    """Whether the elements fill their memory, in whatever order of the axes."""
    expected = slot.dtype.itemsize
    for n, stride in sorted(zip(slot.shape, slot.strides, strict=True), key=lambda axis: axis[1]):
        if n != 1:
            if stride != expected:
                return False
            expected *= n
    return True


# ------------------------------------------------------------------------------------------------ source


class Program:
    """A recording that can be run again.

    Attributes:
        source: The Python source of it.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.namespace: dict[str, Any] = {"_Stale": Stale, "_tensor": _tensor, "_errstate": np.errstate, "_asarray": np.asarray}
        self.names: dict[Any, str] = {}  # of slots and constants, by identity
        self._alive: list[Any] = []  # keeps those identities
        returned = list(slots_in(recording.result))
        calls = without_repeats(recording.calls)
        calls = without_copies(calls, {slot.root for slot in returned})
        taken = [next(iter(call.reads())) for call in calls if call.function == "receive"]
        calls = without_dead(calls, {*returned, *[slot.root for slot in returned]})
        self.calls = calls = checks_first(calls)
        fresh = {slot.root for slot in returned}
        self.owned = [
            call.result
            for call in calls
            if call.result is not None
            and call.kind in ("into", "copy")
            and call.result.view_of is None
            and call.result not in fresh
            and _is_dense(call.result)
            and call.result.nbytes > 0
        ]
        kept = {slot.root for slot in taken} & set(self.owned)
        self.block_of, self.sizes = share_memory(calls, self.owned, kept)
        self.blocks = [memory.empty(size) for size in self.sizes]
        self.flat_steps = {call.args[0]: self._flat_step(call.args[0]) for call in calls if call.function is _STEP}
        self.static: set[Slot] = set()
        self.comments: dict[int, Call] = {}
        self._write()

    def _flat_step(self, optimizer: Optimizer) -> Any:
        """The optimizer's step over gradients side by side, if that is possible; otherwise its own."""
        if not optimizer.elementwise:
            return optimizer.step
        received = [call.args for call in self.calls if call.function == "receive"]
        gradients = {tensor: slot for tensor, slot in received if isinstance(slot, Slot)}
        if len(gradients) < len(received):
            return optimizer.step
        groups = []
        for group in optimizer.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter in gradients]
            slots = [gradients[parameter] for parameter in parameters]
            for parameter, slot in zip(parameters, slots, strict=True):
                same = (slot.shape, slot.strides, slot.dtype) == (
                    parameter.shape,
                    parameter.data.strides,
                    parameter.dtype,
                )
                if not same or slot.root not in self.block_of or slot.root.nbytes != slot.nbytes:
                    return optimizer.step
            if not parameters:
                continue
            home = home_of(optimizer, parameters)
            if home is None:
                return optimizer.step
            vector = memory.empty(home.vector.nbytes)
            start = 0
            for slot in slots:
                self.blocks[self.block_of[slot.root]] = vector[start : start + slot.nbytes]
                start += slot.nbytes
            groups.append((home, group, vector.view(home.vector.dtype), slots))
        return groups

    # ------------------------------------------------------------------------------------------ arrays

    def _bind(self, name: str, value: Any) -> str:
        """A global name for the value."""
        unique, n = name, 1
        while unique in self.namespace and self.namespace[unique] is not value:
            n += 1
            unique = f"{name}_{n}"
        self.namespace[unique] = value
        return unique

    def _static(self, slot: Slot, array: Array, name: str) -> None:
        self.names[slot] = self._bind(name, array)
        self.static.add(slot)

    def _name(self, slot: Slot) -> str:
        """The name of a slot that was there before the program, or was made by it."""
        if slot not in self.names:
            if slot.kind == "argument":
                self.names[slot] = f"x{slot.held}"
            elif slot.kind == "tensor":
                self._static(slot, slot.held._data, "w")
            else:
                assert slot.kind == "constant", "a slot is used before it is made"
                self._static(slot, slot.held, "c")
        return self.names[slot]

    # -------------------------------------------------------------------------------------- expressions

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
        if x is None or x is ... or type(x) in (bool, int, str) or (type(x) is float and math.isfinite(x)):
            return repr(x) if x is not ... else "..."
        if isinstance(x, slice) and not list(slots_in(x)):
            return f"slice({x.start!r}, {x.stop!r}, {x.step!r})"
        if isinstance(x, np.dtype):
            return self._bind(str(x), x)
        if isinstance(x, type) and issubclass(x, np.generic):
            return self._bind(x.__name__, x)
        return self._bind("c" if isinstance(x, np.ndarray) else type(x).__name__.lower(), x)

    def _operands(self, call: Call) -> list[Any]:
        """The arguments; of an elementwise function, numbers as arrays: NumPy takes them in half the time."""
        if not isinstance(call.function, np.ufunc):
            return list(call.args)
        dtypes = {x.dtype for x in call.args if isinstance(x, Slot | np.ndarray)}
        if len(dtypes) != 1 or next(iter(dtypes)).kind != "f":
            return list(call.args)
        dtype = next(iter(dtypes))
        return [np.array(x, dtype) if type(x) in (float, int) else x for x in call.args]

    def _expression(self, call: Call, out: str = "") -> str:
        """The call as Python source, its result going into `out` if one is named."""
        function = call.function
        args = [self._text(x) for x in self._operands(call)]
        attrs = [f"{name}={self._text(x)}" for name, x in call.attrs.items() if name != "out"]
        into = call.attrs.get("out")
        if into is not None:
            out = self._name(into[0]) if isinstance(into, tuple) and len(into) == 1 else self._text(into)
        if function == "same":
            return args[0]
        if function == "item":
            return f"{args[0]}[{args[1]}]"
        if function == "local":
            return f"{args[0]}[{args[1]}]({args[2]})"
        if function == "[]":
            return f"{args[0]}[{self._key(call.args[1])}]"
        if isinstance(function, str) and function.startswith("."):
            if function == ".T" or (len(args) == 1 and not function.endswith("()") and function != ".copy"):
                return args[0] + function
            inside = ", ".join([*args[1:], *([out] if out else []), *attrs])
            return f"{args[0]}{function.removesuffix('()')}({inside})"
        if out:
            if isinstance(function, np.ufunc) and function not in (np.maximum, np.minimum):
                args.append(out)  # takes less time than by name, which those two insist on
            else:
                attrs.append(f"out={out}")
        return f"{self._function(function)}({', '.join([*args, *attrs])})"

    def _key(self, key: Any) -> str:
        parts = key if type(key) is tuple else (key,)
        texts = []
        for part in parts:
            if isinstance(part, slice) and not list(slots_in(part)):
                ends = ["" if end is None else str(end) for end in (part.start, part.stop, part.step)]
                texts.append(":".join(ends[:2] if part.step is None else ends))
            else:
                texts.append(self._text(part))
        return ", ".join(texts) + ("," if len(texts) == 1 and type(key) is tuple else "") or "()"

    def _function(self, function: Any) -> str:
        name = getattr(function, "__name__", type(function).__name__).strip("<>")
        owner = getattr(function, "__self__", None)
        if isinstance(owner, np.ufunc):
            name = f"{owner.__name__}_{name}"
        return self._bind(name, function)

    # --------------------------------------------------------------------------------------- statements

    def _write(self) -> None:
        lines: list[tuple[str, Call | None]] = []
        guarded: dict[Slot, list[tuple[Tensor, Slot]]] = {}  # what to see to before a gradient's memory is written again
        for call in self.calls:
            if call.function == "receive":
                tensor, gradient = call.args
                if isinstance(gradient, Slot) and gradient.root in self.block_of:
                    guarded.setdefault(gradient.root, []).append((tensor, gradient))
        number = 0
        written = {slot.root for call in self.calls for slot in call.writes}
        for call in self.calls:
            result = call.result
            text = ""
            if call.kind == "view" and result is not None:
                if all([self._name(slot) and slot in self.static for slot in call.reads()]):
                    number += 1
                    array = _evaluate(call, {slot: self.namespace[self.names[slot]] for slot in call.reads()})
                    self._static(result, array, f"b{number}")
                    continue
                number += 1
                self.names[result] = f"v{number}"
                text = f"v{number} = {self._expression(call)}"
            elif result is not None and result in self.block_of:
                number += 1
                array = allocate(result, self.blocks[self.block_of[result]])
                expression = self._expression
                self._static(result, array, f"b{number}")
                out = self.names[result]
                if call.kind == "copy":
                    text = f"{out}[...] = {self._text(call.args[0])}"
                else:
                    text = expression(call, out)
            elif call.kind == "check":
                condition, expected = call.args
                text = f"if {'not ' if expected else ''}{self._name(condition)}: raise _Stale"
            elif call.function == "assign":
                text = f"{self._text(call.args[0])}._grad = {self._text(call.args[1])}"
            elif call.function == "receive":
                assert result is not None
                tensor, gradient = self._text(call.args[0]), self._text(call.args[1])
                number += 1
                self.names[result] = f"v{number}"
                text = (
                    f"v{number} = {tensor}._grad = "
                    f"{gradient} if {tensor}._grad is None else {tensor}._grad + {gradient}"
                )
            elif call.function == "[]=":
                array, key, x = call.args
                text = f"{self._text(array)}[{self._key(key)}] = {self._text(x)}"
            elif result is not None:
                expression_text = self._expression(call)
                if not result.shape and result in written:  # NumPy makes numbers of such results
                    expression_text = f"_asarray({expression_text})"
                number += 1
                self.names[result] = f"v{number}"
                text = f"v{number} = {expression_text}"
            elif call.function is _STEP and isinstance(self.flat_steps[call.args[0]], list):
                optimizer = call.args[0]
                groups = [
                    (home, group, vector, [self.namespace[self.names[slot]] for slot in slots])
                    for home, group, vector, slots in self.flat_steps[optimizer]
                ]
                text = f"{self._bind('step', FlatStep(optimizer, groups))}()"
            else:
                text = self._expression(call)
            lines.append((text, call))
        lines = self._with_guards(lines, guarded)
        self.lines = lines
        body = []
        for text, call in lines:
            if call is not None and call.errors is not None:
                states = ", ".join([f"{name}={state!r}" for name, state in call.errors.items()])
                body.append(f"    with _errstate({states}):")
                body.append(f"        {text}")
            else:
                body.append(f"    {text}")
        body.append(f"    return {self._result(self.recording.result)}")
        checks = [
            f"{self._text(tensor)}._data is {self._bind('w', tensor._data)} "
            f"and {self._text(tensor)}._requires_grad is {self.recording.flags[tensor]}"
            for tensor, slot in self.recording.tensors.items()
            if slot.kind == "tensor"
        ]
        checks += [
            f"{self._bind('m', module)}.training is {training}"
            for module, training in self.recording.modules.items()
        ]
        arguments = ", ".join([f"x{i}" for i in self.recording.arguments])
        self.source = "\n".join([f"def run({arguments}):", *body])
        valid = "def valid():\n    return " + (" and ".join(checks) or "True")
        exec(compile(self.source + "\n" + valid, "<compiled step>", "exec"), self.namespace)
        self.run: Callable[..., Any] = self.namespace["run"]
        self.valid: Callable[[], bool] = self.namespace["valid"]

    def _with_guards(
        self, lines: list[tuple[str, Call | None]], guarded: dict[Slot, list[tuple[Tensor, Slot]]]
    ) -> list[tuple[str, Call | None]]:
        """Before a gradient's memory is written: if a tensor still has it from the last run, it keeps a copy."""
        found: list[tuple[str, Call | None]] = []
        for text, call in lines:
            if call is not None and call.result is not None and call.result in guarded:
                for tensor, gradient in guarded.pop(call.result):
                    t, g = self._text(tensor), self._text(gradient)
                    found.append((f"if {t}._grad is {g}: {t}._grad = {g}.copy('K')", None))
            found.append((text, call))
        return found

    def _result(self, tree: Any) -> str:
        if isinstance(tree, AsTensor):
            return f"_tensor({self._returned(tree.slot)})"
        if isinstance(tree, Slot):
            return self._returned(tree)
        if type(tree) is dict:
            return "{" + ", ".join([f"{k!r}: {self._result(x)}" for k, x in tree.items()]) + "}"
        if type(tree) is tuple:
            return "(" + "".join([self._result(x) + ", " for x in tree]) + ")"
        if type(tree) is list:
            return "[" + ", ".join([self._result(x) for x in tree]) + "]"
        return self._text(tree)

    def _returned(self, slot: Slot) -> str:
        name = self._name(slot)
        return f"{name}.copy('K')" if slot in self.static else name


def _tensor(array: Any) -> Tensor:
    return Tensor._wrap(array, ())


def _evaluate(call: Call, arrays: dict[Slot, Array]) -> Array:
    """A view, made of arrays that stay."""

    def array(x: Any) -> Any:
        return arrays[x] if isinstance(x, Slot) else x

    args, attrs = map_tree(array, call.args), map_tree(array, call.attrs)
    function = call.function
    if function == "same":
        return args[0]
    if function == "[]":
        return args[0][args[1]]
    if isinstance(function, str):
        found = getattr(args[0], function[1:].removesuffix("()"))
        return found(*args[1:], **attrs) if function.endswith("()") or len(args) > 1 else found
    return function(*args, **attrs)
