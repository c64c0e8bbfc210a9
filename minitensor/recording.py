"""What the rest of the library must know of `compile`, which records what a training step computes.

While a step is recorded, tensors hold arrays of another kind than NumPy's: they compute alike, and write down
what was computed (compiler/recorded.py). Rules speak NumPy's protocols and need not know. What is not array
arithmetic says here what it is: a check (`holds`), a look (`peek`), or something to do again (`replayed`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar

import numpy as np

from minitensor.errors import CompileError

P = ParamSpec("P")
R = TypeVar("R")


class DuckArray:
    """An array that is not NumPy's own, and has its protocols."""

    __slots__ = ()

    def holds(self) -> bool:
        """Its truth in this run; a program made from it checks that it is the same again."""
        raise NotImplementedError

    def peek(self) -> Any:
        """The array as it is in this run."""
        raise NotImplementedError


ARRAYS: Any = (np.ndarray, DuckArray)
"""For isinstance: what a tensor may hold."""


class Recorder(Protocol):
    """What `compile` puts in charge of a thread while it records."""

    def replay(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function now, and again whenever the program runs."""

    def as_a_whole(self, operation: Any, args: tuple[Any, ...], attrs: dict[str, Any]) -> tuple[Any, ...]:
        """What a rule returns, recorded as one call, where its lines cannot be recorded one by one."""

    def draw_from(self, source: Callable[[], np.random.Generator]) -> np.random.Generator:
        """A generator whose drawing is done again whenever the program runs."""


class _Active(threading.local):
    recorder: Recorder | None = None


active = _Active()


def is_refusal(error: Exception) -> bool:
    """Whether a recorded array raised it, perhaps on NumPy's behalf."""
    return isinstance(error, CompileError) or isinstance(error.__cause__, CompileError)


def holds(condition: Any) -> bool:
    """bool(condition), where code branches on a value: a program is used only where it is so again."""
    return condition.holds() if isinstance(condition, DuckArray) else bool(condition)


def peek(x: Any) -> Any:
    """The array as it is in this run, for checks that change no result."""
    return x.peek() if isinstance(x, DuckArray) else x


def array_of(x: Any) -> Any:
    """np.asarray, which leaves arrays of other kinds as they are."""
    return x if isinstance(x, ARRAYS) else np.asarray(x)


def replayed(function: Callable[P, R]) -> Callable[P, R]:
    """Mark a function that changes more than arrays: a program calls it as it is, each time it runs."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if active.recorder is None:
            return function(*args, **kwargs)
        return active.recorder.replay(function, args, kwargs)

    return call
