"""The one door: whoever wants to see what the engine does, or to have a say in it, comes in here.

The engine asks for `here.state` once an operation. It holds whether operations are recorded, and who watches:
nobody, or a `Watcher`, whose methods do nothing. A debugger, a compiler or a tape overrides those it needs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeAlias, TypeVar

from minitensor.core.rule import Data, Operation

Node: TypeAlias = Any  # graph.py's, which imports this
P = ParamSpec("P")
R = TypeVar("R")


class State:
    """What holds for one thread: every thread starts with recording, and unwatched."""

    __slots__ = ("recording", "watcher")

    def __init__(self) -> None:
        self.recording = True
        self.watcher: Watcher | None = None


class _Here(threading.local):
    def __init__(self) -> None:
        self.state = State()


here = _Here()


class Watcher:
    """Told what the engine does on its thread. Where something is returned, the engine goes on with that."""

    def run(self, operation: Operation, args: tuple[Any, ...], data: list[Any], attrs: dict[str, Any]) -> Any:
        """Run a rule on the data inside its arguments."""
        return operation.function(*data, **attrs)

    def made(self, node: Node, operation: Operation, args: tuple[Any, ...]) -> None:
        """An operation made this node; its edges may be replaced."""

    def data(self, tensor: Node) -> Data:
        """Somebody reads a tensor's array."""
        return tensor._data

    def grad(self, tensor: Node) -> Data:
        """Somebody reads a tensor's gradient."""
        return tensor._grad

    def assigned(self, tensor: Node, name: str, value: Data) -> Data:
        """A tensor's "data" or "grad" is being set by hand."""
        return value

    def received(self, leaf: Node, gradient: Data) -> Data:
        """A leaf is about to add this gradient to its own."""
        return gradient

    def writes(self, tensor: Node) -> None:
        """A tensor's array is about to be written to, in a way that the engine notices."""

    def origin(self, node: Node) -> str:
        """Where a node was made, as the end of an error message."""
        return ""

    def finished(self, order: Sequence[Node]) -> None:
        """A backward pass through these nodes has ended."""

    def entered(self, layer: Any) -> None:
        """A part of a network is about to be called."""

    def effect(self, function: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
        """Call a function that does more than compute: see `effect` below."""
        return function(*args, **kwargs)

    def decide(self, condition: Any) -> bool:
        """The way that the program goes depends on this."""
        return bool(condition)

    def look(self, array: Data) -> Data:
        """An array is looked at for a check that changes no result."""
        return array

    def draws(self, source: Callable[[], R]) -> R:
        """Random numbers are about to be drawn from the generator that `source` returns."""
        return source()

    def replaced(self, other: Watcher) -> None:
        """Another one is about to watch, until its block ends."""


@contextmanager
def watching(watcher: Watcher | None) -> Iterator[None]:
    """Let somebody watch this thread (or nobody) until the block ends."""
    state = here.state
    previous = state.watcher
    if previous is not None and watcher is not None:
        previous.replaced(watcher)
    state.watcher = watcher
    try:
        yield
    finally:
        state.watcher = previous


def effect(function: Callable[P, R]) -> Callable[P, R]:
    """Mark a function that does more than compute on arrays, such as one that counts steps or draws."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        watcher = here.state.watcher
        return function(*args, **kwargs) if watcher is None else watcher.effect(function, args, kwargs)

    return call


def decide(condition: Any) -> bool:
    """bool(condition), where code branches on a value."""
    watcher = here.state.watcher
    return bool(condition) if watcher is None else watcher.decide(condition)


def look(array: Data) -> Data:
    """The array itself, for checks that change no result."""
    watcher = here.state.watcher
    return array if watcher is None else watcher.look(array)
