"""compile: trace a training step once, and run it from then on as a flat list of NumPy calls."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import update_wrapper
from threading import RLock
from types import MethodType
from typing import Any, Generic, ParamSpec, TypeVar

import numpy as np

from minitensor.compiler.agreement import difference
from minitensor.compiler.places import is_value
from minitensor.compiler.program import Program, Stale
from minitensor.compiler.tracer import Trace, Tracer
from minitensor.compiler.walk import KEPT
from minitensor.core.tensor import Tensor
from minitensor.core.watcher import here
from minitensor.errors import CompileError, DTypeError

__all__ = ["Compiled", "compile"]

P = ParamSpec("P")
R = TypeVar("R")
_ATTEMPTS = 3  # at finding two traces in a row that agree
_MODES = 4  # such as training and evaluation, taking turns
_KEPT = 8  # programs for the same arguments: older ones were for what has changed since
_PROGRAMS = 32  # of one step, before it is better left alone
_IN_VAIN = 2 * _PROGRAMS  # recordings, likewise


def compile(step: Callable[P, R]) -> Compiled[P, R]:
    """Make a training step fast: record what it computes, and run that, without a graph or fresh memory.

    The first two calls with arguments of certain shapes and dtypes run the step as it is, and record it; from
    the third on, a program runs in its place. It makes the same NumPy calls on memory that it keeps, so
    results are the same to the last bit, and losses, parameters, gradients, running statistics and random
    numbers are as they would have been.

    Args:
        step: A function of arrays and tensors, or a method; other arguments, such as numbers and models, have
            programs of their own. It may do everything that a training step does: forward, backward,
            zero_grad, clipping, the optimizer's step, a schedule's. It returns tensors, arrays, or tuples,
            lists and dicts of them, without a graph; each call returns new ones.

    What the step finds around it is watched: attributes of modules, layers, models, losses and optimizers,
    the variables of closures, globals and `self`, entries of lists and dicts, and the same of functions of
    yours that it calls. Where any of it changes, the step is recorded again. Learning rates and all else that
    an optimizer or a schedule holds are read at each step. What the step changes in Python itself, a program
    would not do again: so that is refused, with its line. Gradients lie in memory that the next call
    overwrites.

    Not watched: files, clocks, the environment, the inside of installed packages, and attributes set behind
    Python's back, as in vars(module)["p"] = 0. What is printed or logged is so while a step is recorded, and
    there `type(x)`, `is` and `id` of arrays and tensors do not tell what they would (isinstance does).

    Raises:
        CompileError: From the call, if the step does what a program cannot do again: branch on a value, take
            a number out of a tensor (`.item()`), hand an array to code that is not NumPy's, assign `.data`,
            change a variable or an attribute, draw from a generator that is not minitensor's; or if it reads
            what cannot be watched, such as an iterator. It says in which line, and what to do instead.

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


class Kept(dict["Compiled[..., Any]", "Compiled[..., Any]"]):
    """What an object's compiled methods became. A copy of the object begins anew."""

    def __reduce__(self) -> Any:
        return Kept, ()


class _Itself:
    """An object among the arguments: only the very same is equal."""

    __slots__ = ("x",)

    def __init__(self, x: Any) -> None:
        self.x = x

    def __hash__(self) -> int:
        return id(self.x)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.x is other.x


class Compiled(Generic[P, R]):
    """A step with its programs; see compile."""

    def __init__(self, step: Callable[P, R]) -> None:
        if not callable(step):
            raise DTypeError(f"compile: takes a function, the step, not a {type(step).__name__}")
        self._step = step
        self._programs: dict[Any, list[Program]] = {}
        self._earlier: dict[Any, list[Trace]] = {}
        self._faults: dict[Any, int] = {}  # traces that no program can be made of
        self._in_vain = 0  # traces since a program last ran
        self._changing = ""  # what has kept two traces from being of the same
        self._running = RLock()
        self.__name__ = type(step).__name__
        update_wrapper(self, step)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """The step of an instance, where this is one of the methods of its class."""
        if instance is None:
            return self
        try:
            kept = vars(instance).get(KEPT, {}).get(self)
            if kept is None or kept._step.__self__ is not instance:  # a copy has what its original had
                kept = Compiled(MethodType(self._step, instance))
                store = type.__setattr__ if isinstance(instance, type) else object.__setattr__
                store(instance, KEPT, Kept({**vars(instance).get(KEPT, {}), self: kept}))
        except (TypeError, AttributeError):
            raise CompileError(
                f"compile: {self.__name__} is a method of a class without __dict__, whose instances have no "
                "place for programs. Compile a function that takes what it needs."
            ) from None
        return kept

    def __reduce__(self) -> Any:
        """For pickle and copy: by its name, as functions are, or a step that begins anew."""
        around = sys.modules.get(str(getattr(self, "__module__", None)))
        return self.__name__ if getattr(around, self.__name__, None) is self else (Compiled, (self._step,))

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
                key += kind, self._told_apart(x)
                continue
            key += kind, x.shape, x.dtype, x.strides
            arrays.append(x)
        if kwargs:
            key.append(tuple(kwargs))
        found = tuple(key)
        programs = self._programs.get(found, ())
        with self._running:  # programs write into memory of their own
            for program in programs:
                if program.valid() or program.holds_again():
                    try:
                        result = program.run(*arrays)
                    except Stale:
                        continue
                    self._in_vain = 0
                    return result
        return self._record(found, args, kwargs)

    def _told_apart(self, x: Any) -> Any:
        """What stands for an argument that is no array, in the key of its programs."""
        kind = type(x)
        if kind is int or kind is str or kind is bool or x is None:
            return x
        if isinstance(x, tuple):
            return tuple([(type(item), self._told_apart(item)) for item in x])
        if isinstance(x, list | dict | set | bytearray | np.ndarray):
            raise DTypeError(
                f"compile: the arguments of {self.__name__} may be arrays, tensors and what can be hashed, "
                f"not {kind.__name__}. Pass the arrays themselves."
            )
        return repr(x) if is_value(x) else _Itself(x)

    def _record(self, key: Any, args: Any, kwargs: Any) -> R:
        known = self._programs.get(key, [])
        known[:] = programs = [x for x in known if x.lives() and not x.trace.surroundings.expired]
        if sum(map(len, self._programs.values())) >= _PROGRAMS:
            return self._as_it_is(
                f"{_PROGRAMS} programs were made of one step, and a new one is needed", args, kwargs
            )
        if self._in_vain >= _IN_VAIN:
            return self._as_it_is(f"it was recorded {_IN_VAIN} times in vain{self._changing}", args, kwargs)
        if not self._in_vain:  # a program has run since
            self._faults.clear()
        self._in_vain += 1
        tracer = Tracer()
        result = tracer.run_step(self._step, args, kwargs)
        trace = tracer.trace
        fault: str | None = None
        if trace.change:
            fault = f"{trace.change}. A program would not do that again: do it outside of the step."
        unmatched = self._earlier.pop(key, [])
        alike = [one for one in unmatched if trace.change is None and one.began_as(trace)]
        earlier = alike[0] if alike else None
        if earlier is not None:
            unmatched.remove(earlier)
            fault = difference(earlier, trace)
            if fault is None:
                self._programs[key] = [Program(trace), *programs][:_KEPT]
                self._faults.pop(key, None)
                return result
            fault = f"{fault} Make it an argument of the step, or move it out."
        elif unmatched and not fault:
            self._changing = unmatched[-1].what_differs(trace)
        if fault:
            self._faults[key] = self._faults.get(key, 0) + 1
            if self._faults[key] >= _ATTEMPTS:
                raise CompileError(f"compile: {self.__name__} does not do the same at each call: {fault}")
        if trace.change is None:
            unmatched.append(trace)
        self._earlier[key] = unmatched[-_MODES:]  # the last now: the first has waited longest
        while len(self._earlier) > _PROGRAMS:
            oldest = next(iter(self._earlier))
            self._faults.pop(oldest, None)
            del self._earlier[oldest]
        return result

    def _as_it_is(self, why: str, args: Any, kwargs: Any) -> R:
        cure = "Give it fewer shapes, or fewer different numbers as arguments: what changes can be an array."
        warnings.warn(f"compile: {self.__name__} runs as it is: {why}. {cure}", stacklevel=4)
        return self._step(*args, **kwargs)

    def explain(self) -> str:
        """The programs made so far: each call, the operation it belongs to, shapes, and memory."""
        programs = [program for found in self._programs.values() for program in found]
        if not programs:
            return "No program yet: a step is recorded at its first two calls with the same shapes."
        return "\n\n".join([program.explain() for program in programs])
