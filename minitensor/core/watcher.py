"""The one door: whoever wants to see what the engine does, or to have a say in it, comes in here.

The engine asks for `here.state`: whether operations are recorded on this thread, and who watches it. That is
nobody, or a `Watcher`, whose methods do nothing but what the engine would do without it. Who comes in, such
as a tape, overrides those it needs, and is let in by `watching` (context.py).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, TypeAlias

from minitensor.core.rule import Data, Operation

Node: TypeAlias = Any  # graph.py's, which imports this


class State:
    """What holds for one thread, found at once: each look at a thread-local costs as much as two at this."""

    def __init__(self) -> None:
        self.recording = True
        self.watcher: Watcher | None = None


class _Here(threading.local):
    def __init__(self) -> None:
        self.state = State()


here = _Here()


class Watcher:
    """Told what happens on its thread. Where something is returned, that is what the engine goes on with."""

    exclusive = ""  # or why nobody else can watch meanwhile

    def run(self, operation: Operation, args: tuple[Any, ...], data: list[Any], attrs: dict[str, Any]) -> Any:
        """Run a rule on the data inside its arguments."""
        return operation.function(*data, **attrs)

    def made(self, node: Node, operation: Operation, args: tuple[Any, ...]) -> None:
        """An operation made this node; its edges may be replaced."""

    def reads(self, tensor: Node, name: str) -> Data:
        """Somebody asks for a tensor's "data" or "grad"."""
        return tensor._data if name == "data" else tensor._grad

    def assigns(self, tensor: Node, name: str, value: Data) -> Data:
        """Somebody sets a tensor's "data" or "grad"."""
        return value

    def writes(self, tensor: Node) -> None:
        """A tensor's array is about to be written to, in a way that the engine notices."""

    def receives(self, leaf: Node, gradient: Data) -> Data:
        """A leaf is about to add this gradient to its own."""
        return gradient

    def finishes(self, order: Sequence[Node]) -> None:
        """A backward pass through these nodes has ended."""

    def origin(self, node: Node) -> str:
        """Where a node was made, as the end of an error message."""
        return ""
