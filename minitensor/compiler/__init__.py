"""compile: trace a training step once, and run it from then on as a flat list of NumPy calls."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import update_wrapper
from threading import RLock
from typing import Any, Generic, ParamSpec, TypeVar

import numpy as np

from minitensor.compiler.agreement import difference
from minitensor.compiler.program import Program, Stale
from minitensor.compiler.tracer import Trace, Tracer
from minitensor.core.tensor import Tensor
from minitensor.core.watcher import here
from minitensor.errors import CompileError, DTypeError

__all__ = ["Compiled", "compile"]

P = ParamSpec("P")
R = TypeVar("R")
_ATTEMPTS = 3  # at finding two traces in a row that agree
_MODES = 4  # such as training and evaluation, taking turns
_PROGRAMS = 32  # of one step, before it is better left alone


def compile(step: Callable[P, R]) -> Compiled[P, R]:
    """Make a training step fast: record what it computes, and run that, without a graph or fresh memory.

    The first two calls with arguments of certain shapes and dtypes run the step as it is, and record it; from
    the third on, a program runs in its place. It makes the same NumPy calls on memory that it keeps, so
    results are the same to the last bit, and losses, parameters, gradients, running statistics and random
    numbers are as they would have been.

    Args:
        step: A function of arrays and tensors; other arguments, such as numbers, are constants, and each
            combination of them has a program of its own. It may do everything that a training step does:
            forward, backward, zero_grad, clipping, the optimizer's step, a schedule's. It returns tensors,
            arrays, or tuples, lists and dicts of them, without a graph; each call returns new ones.

    What the step does in Python alone is done while it is recorded, and not again: numbers that it takes from
    elsewhere are constants. Learning rates and all else that an optimizer or a schedule holds are read at
    each step. Gradients lie in memory that the next call overwrites.

    Raises:
        CompileError: From the call, if the step does what a program cannot do again: branch on a value, take
            a number out of a tensor (`.item()`), hand an array to code that is not NumPy's.

    >>> from minitensor import nn, optim
    >>> model = nn.MLP(2, [8, 1], rng=0)
    >>> optimizer = optim.SGD(model.parameters(), lr=0.1)
    >>> @compile
    ... def step(x, y):
    ...     loss = nn.functional.mse_loss(model(x), y)
    ...     optimizer.zero_grad()
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> x = np.array([[0.0, 1.0], [1.0, 0.0]], np.float32)
    >>> losses = [step(x, np.ones((2, 1), np.float32)).item() for _ in range(10)]
    >>> losses[-1] < losses[0]
    True
    """
    return Compiled(step)


class Compiled(Generic[P, R]):
    """A step with its programs; see compile."""

    def __init__(self, step: Callable[P, R]) -> None:
        self._step = step
        self._programs: dict[Any, list[Program]] = {}
        self._earlier: dict[Any, list[Trace]] = {}
        self._disagreed: dict[Any, int] = {}
        self._running = RLock()
        update_wrapper(self, step)

    __name__: str

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        state = here.state
        if state.watcher is not None:  # debug(), or the tracer of another step
            return self._step(*args, **kwargs)
        key: list[Any] = [state.recording]
        arrays = []
        given: tuple[Any, ...] = (*args, *kwargs.values()) if kwargs else args
        for x in given:
            kind = type(x)
            if isinstance(x, Tensor):
                if x._requires_grad:
                    key.append(x)
                    continue
                x = x._data
            elif not isinstance(x, np.ndarray):
                key += kind, x
                continue
            key += kind, x.shape, x.dtype, x.strides
            arrays.append(x)
        if kwargs:
            key.append(tuple(kwargs))
        found = tuple(key)
        try:
            programs = self._programs.get(found, ())
        except TypeError:
            raise DTypeError(
                f"compile: the arguments of {self.__name__} may be arrays, tensors and what can be hashed, "
                f"not {', '.join([type(x).__name__ for x in given])}. Pass the arrays themselves."
            ) from None
        with self._running:  # programs write into memory of their own
            for program in programs:
                if program.valid():
                    try:
                        return program.run(*arrays)
                    except Stale:
                        pass
        return self._record(found, args, kwargs)

    def _record(self, key: Any, args: Any, kwargs: Any) -> R:
        programs = self._programs.setdefault(key, [])
        programs[:] = [program for program in programs if program.valid()]
        if sum(map(len, self._programs.values())) >= _PROGRAMS:
            warnings.warn(
                f"compile: {_PROGRAMS} programs were made of one step, and a new one is needed: it runs as "
                "it is. Give it fewer shapes, or fewer different numbers as arguments.",
                stacklevel=3,
            )
            return self._step(*args, **kwargs)
        tracer = Tracer()
        result = tracer.run_step(self._step, args, kwargs)
        trace = tracer.trace
        unmatched = self._earlier.setdefault(key, [])
        earlier = next((one for one in unmatched if one.has_modes_of(trace)), None)
        if earlier is not None:
            unmatched.remove(earlier)
            fault = difference(earlier, trace)
            if fault is None:
                programs.append(Program(trace))
                return result
            self._disagreed[key] = self._disagreed.get(key, 0) + 1
            if self._disagreed[key] >= _ATTEMPTS:
                raise CompileError(
                    f"compile: {self.__name__} does not do the same at each call: {fault} "
                    "Make it an argument of the step, or move it out."
                )
        unmatched.append(trace)
        del unmatched[:-_MODES]
        return result

    def explain(self) -> str:
        """The programs made so far: each call, the operation it belongs to, shapes, and memory."""
        programs = [program for found in self._programs.values() for program in found]
        if not programs:
            return "No program yet: a step is recorded at its first two calls with the same shapes."
        return "\n\n".join([program.explain() for program in programs])
