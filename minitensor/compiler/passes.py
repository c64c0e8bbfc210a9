"""From a trace to a program: repeats, copies and what is not needed go, and memory is shared."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitensor.compiler.traced import Call, Slot
from minitensor.errors import CompileError

GRADIENTS = ("receive", "assign")
"""Calls by which a tensor has a gradient, which others may read and write through it."""

# ----------------------------------------------------------------------------------------- what is needed


def without_copies(calls: list[Call], shared: set[Slot]) -> list[Call]:
    """Where an array is copied although neither it nor the copy is written to afterwards, take it itself.

    `shared` are roots that others may see or change: neither they nor their copies can be done without.
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
            if same and safe and root in made and not {root, copy} & shared and not {root, copy} <= taken:
                copy.view_of = source
                if copy in taken:
                    taken.add(root)
                kept.append(Call("view", "same", (source,), {}, copy, (), call.part_of, call.line))
                continue
        kept.append(call)
    return kept


def without_repeats(calls: list[Call], shared: set[Slot]) -> list[Call]:
    """Where the same is computed twice, take the first result again; not for `shared` roots, see above."""
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
        elif result is not None and key in known and (result.view_of is not None or result not in shared):
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
    gradients = [call for call in calls if call.function in GRADIENTS]
    live = wanted | {slot.root for call in gradients for slot in call.reads()}
    live |= {call.result.root for call in calls if call.kind == "replay" and call.result is not None}
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
                    f"{call.part_of or 'a check'} in {call.line} depends on what the step itself changes "
                    "or draws: compile cannot tell before the step whether its program applies."
                )
        else:
            changed |= {slot.root for slot in call.writes}
            replayed = replayed or call.kind == "replay"
    return first[::-1] + [call for call in calls if id(call) not in early]


# ----------------------------------------------------------------------------------------------- memory


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
