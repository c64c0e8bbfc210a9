"""What holds for a thread until a block ends, such as no_grad; and what code tells whoever watches it.

Code outside the engine may be watched too (core/watcher.py): so it says where it does more than compute on
arrays (`effect`), where its way depends on a value (`decide`), and where it only has a look (`look`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import _GeneratorContextManager, contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar, overload

from minitensor.core.rule import Data
from minitensor.core.watcher import Watcher, here
from minitensor.errors import CompileError

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def recording(enabled: bool) -> Iterator[None]:
    """Record operations, or do not, until the block ends; per thread, and restored after exceptions."""
    state = here.state
    previous, state.recording = state.recording, enabled
    try:
        yield
    finally:
        state.recording = previous


@overload
def no_grad() -> _GeneratorContextManager[None]: ...
@overload
def no_grad(function: Callable[P, R]) -> Callable[P, R]: ...
def no_grad(function: Callable[P, R] | None = None) -> _GeneratorContextManager[None] | Callable[P, R]:
    """Compute without recording a graph: for evaluation, and for updating parameters in place.

    Works as a context, `with no_grad():`, and as a decorator, nests, and holds for the current thread only.

    >>> from minitensor import Tensor, no_grad
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> with no_grad():
    ...     (w * 2).requires_grad
    False
    """
    return recording(False) if function is None else recording(False)(function)


def is_grad_enabled() -> bool:
    """Whether operations on this thread are being recorded.

    >>> is_grad_enabled()
    True
    """
    return here.state.recording


# -------------------------------------------------------------------------------------- being watched


@contextmanager
def watching(watcher: Watcher | None) -> Iterator[None]:
    """Let somebody watch this thread (or nobody) until the block ends."""
    state = here.state
    previous = state.watcher
    if previous is not None and previous.exclusive and watcher is not None:
        raise CompileError(f"{previous.exclusive}: nobody else can watch it. Do so around it.")
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
    return bool(condition) if watcher is None else watcher.decides(condition)


def look(array: Data) -> Data:
    """The array itself, for checks that change no result."""
    watcher = here.state.watcher
    return array if watcher is None else watcher.looks(array)
