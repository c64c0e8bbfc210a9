"""What holds for a thread until a block ends, such as no_grad; and what code tells whoever watches it.

Code outside the engine may be watched too (core/watcher.py): so it says where it does more than compute on
arrays (`effect`), where its way depends on a value (`decide`), where it only has a look (`look`), and where
it hands out what it changes unseen (`reveal`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ContextDecorator, _GeneratorContextManager, contextmanager
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


@overload
def enable_grad() -> _GeneratorContextManager[None]: ...
@overload
def enable_grad(function: Callable[P, R]) -> Callable[P, R]: ...
def enable_grad(
    function: Callable[P, R] | None = None,
) -> _GeneratorContextManager[None] | Callable[P, R]:
    """Record a graph again, within no_grad.

    >>> from minitensor import Tensor, enable_grad, no_grad
    >>> w = Tensor([1.0], requires_grad=True)
    >>> with no_grad(), enable_grad():
    ...     (w * 2).requires_grad
    True
    """
    return recording(True) if function is None else recording(True)(function)


def inference_mode(mode: Any = True) -> Any:
    """no_grad, under PyTorch's other name: with False, nothing changes.

    >>> from minitensor import Tensor, inference_mode
    >>> with inference_mode():
    ...     (Tensor([1.0], requires_grad=True) * 2).requires_grad
    False
    """
    return no_grad(mode) if callable(mode) else recording(not mode and here.state.recording)


class set_grad_enabled(ContextDecorator):  # noqa: N801  # PyTorch's name
    """Record operations on this thread from now on, or do not; under `with`, until the block ends.

    >>> from minitensor import is_grad_enabled, set_grad_enabled
    >>> with set_grad_enabled(False):
    ...     is_grad_enabled()
    False
    """

    def __init__(self, mode: bool) -> None:
        self._mode, self._previous = bool(mode), here.state.recording
        here.state.recording = self._mode

    def __enter__(self) -> None:
        here.state.recording = self._mode

    def __exit__(self, *error: object) -> None:
        here.state.recording = self._previous

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:  # type: ignore[override]
        """The function, with this inside it alone."""
        here.state.recording = self._previous
        return recording(self._mode)(function)


def is_grad_enabled() -> bool:
    """Whether operations on this thread are being recorded.

    >>> is_grad_enabled()
    True
    """
    return here.state.recording


# -------------------------------------------------------------------------------------- being watched


class Onlooker(Watcher):
    """A watcher who is also told what code outside the engine does, and can have a say in it."""

    def enters(self, layer: Any) -> None:
        """A part of a network is about to be called."""

    def effect(self, function: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
        """Call a function that does more than compute."""
        return function(*args, **kwargs)

    def draws(self, source: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Random numbers are about to be drawn from the generator that source(...) returns."""
        return source(*args, **kwargs)

    def decides(self, condition: Any) -> bool:
        """The way that the program goes depends on this."""
        return bool(condition)

    def reveals(self, what: str) -> None:
        """Something is about to be read or changed of which nobody is told otherwise."""

    def looks(self, array: Data) -> Data:
        """An array is looked at for a check that changes no result."""
        return array


class Drawn:
    """What stands for a generator where an onlooker wants to be told of each draw."""


@contextmanager
def watching(watcher: Watcher | None) -> Iterator[None]:
    """Let somebody watch this thread (or nobody) until the block ends."""
    state = here.state
    previous = state.watcher
    if previous is not None and previous.exclusive and watcher is not None:
        raise CompileError(f"{previous.exclusive}: nobody else can watch it. Begin before that.")
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
        if isinstance(watcher, Onlooker):
            return watcher.effect(function, args, kwargs)
        return function(*args, **kwargs)

    return call


def decide(condition: Any) -> bool:
    """bool(condition), where code branches on a value."""
    watcher = here.state.watcher
    return watcher.decides(condition) if isinstance(watcher, Onlooker) else bool(condition)


def reveal(what: str) -> None:
    """Say that something is about to be read or changed of which nobody is told otherwise."""
    watcher = here.state.watcher
    if isinstance(watcher, Onlooker):
        watcher.reveals(what)


def look(array: Data) -> Data:
    """The array itself, for checks that change no result."""
    watcher = here.state.watcher
    return watcher.looks(array) if isinstance(watcher, Onlooker) else array
