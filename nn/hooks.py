"""Hooks: functions that a module calls before and after its forward, and around its backward pass.

Here is what they are told and what they may replace; Module (module.py) has the methods that register them.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from minitensor import rules
from minitensor.core.rule import rule
from minitensor.core.tensor import Tensor
from minitensor.core.value import Value
from minitensor.core.watcher import here
from minitensor.errors import DTypeError, ShapeError
from minitensor.ndarrays import Array, is_array
from minitensor.rules.notation import on_nodes, unchanged

Module: TypeAlias = Any  # module.py's, which imports this
Parts: TypeAlias = Callable[[list[Any]], Sequence[Any]]
"""Told the gradients of several tensors; returns those to go on with."""


class Hook(NamedTuple):
    """A function, when it is called, and whether it takes the keyword arguments too."""

    when: str  # "before", "after", "before backward" or "after backward"
    function: Callable[..., Any]
    with_kwargs: bool = False


class RemovableHandle:
    """Takes back the hook that was registered when it was returned; as a context, at the end of the block.

    >>> from minitensor import nn
    >>> layer = nn.ReLU()
    >>> handle = layer.register_forward_hook(lambda module, args, output: output * 2)
    >>> layer(Tensor([1.0]))
    Tensor([2.])
    >>> handle.remove()
    >>> layer(Tensor([1.0]))
    Tensor([1.])
    """

    def __init__(self, module: Module, hook: Hook) -> None:
        self._module = weakref.ref(module)
        self._hook = hook

    def remove(self) -> None:
        """Take the hook back; a second time does nothing."""
        module = self._module()
        if module is not None:
            module._set_hooks(tuple([hook for hook in module._hooks if hook is not self._hook]))

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def call(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """module.forward(*args, **kwargs) with its hooks."""
    hooks: tuple[Hook, ...] = module._hooks
    for hook in hooks:
        if hook.when == "before":
            given = (module, args, kwargs) if hook.with_kwargs else (module, args)
            changed = hook.function(*given)
            if changed is not None and hook.with_kwargs:
                args, kwargs = _pair(module, changed)
            elif changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
    passage = None
    if here.state.recording and any([hook.when.endswith("backward") for hook in hooks]):
        passage = _Passage(module, hooks)
        args = passage.enter(args)
    output = module.forward(*args, **kwargs)
    for hook in hooks:
        if hook.when == "after":
            told = (module, args, kwargs, output) if hook.with_kwargs else (module, args, output)
            changed = hook.function(*told)
            output = output if changed is None else changed
    return output if passage is None else passage.leave(output)


def _pair(module: Module, changed: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(changed, tuple) and len(changed) == 2 and isinstance(changed[1], dict):
        return (changed[0] if isinstance(changed[0], tuple) else (changed[0],)), changed[1]
    raise DTypeError(
        f"{type(module).__name__}: a forward pre-hook with_kwargs returns None or a pair (args, kwargs), "
        f"not {type(changed).__name__}"
    )


class _Passage:
    """One call of a module with backward hooks: they are told of the gradients that pass through it."""

    def __init__(self, module: Module, hooks: tuple[Hook, ...]) -> None:
        self.module = module
        self.before = [hook.function for hook in hooks if hook.when == "before backward"]
        self.after = [hook.function for hook in hooks if hook.when == "after backward"]
        self.arrived: tuple[Any, ...] | None = None  # the gradients of the outputs, until the hooks know them
        self.inputs: list[int] = []  # which of the arguments need a gradient
        self.outputs: list[int] = []
        self.counts = [0, 0]

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        self.counts[0] = len(args)
        if any([isinstance(x, Value) for x in args]):
            raise DTypeError(f"{self._name}: backward hooks are told of tensors, not of Values")
        args, self.inputs = _told(args, self.finish)
        return args

    def leave(self, output: Any) -> Any:
        parts = output if isinstance(output, tuple) else (output,)
        self.counts[1] = len(parts)
        if not any([isinstance(x, Tensor) for x in parts]):
            raise DTypeError(
                f"{self._name}: a module with backward hooks returns a tensor or a tuple of them, not "
                f"{type(output).__name__}"
            )
        parts, self.outputs = _told(parts, self.begin)
        return parts if isinstance(output, tuple) else parts[0]

    def begin(self, gradients: list[Any]) -> list[Any]:
        """The gradients of the outputs have arrived."""
        told = self._spread(gradients, self.outputs, self.counts[1])
        for hook in self.before:
            told = self._changed("grad_output", hook(self.module, told), told)
        self.arrived = told
        if not self.inputs:  # nothing will arrive there
            self._call_after((None,) * self.counts[0])
        return [told[i] for i in self.outputs]

    def finish(self, gradients: list[Any]) -> list[Any]:
        """The gradients of the inputs have arrived; not through the outputs, in a backward of a backward."""
        if self.arrived is None:
            return gradients
        told = self._call_after(self._spread(gradients, self.inputs, self.counts[0]))
        return [told[i] for i in self.inputs]

    def _call_after(self, told: tuple[Any, ...]) -> tuple[Any, ...]:
        arrived, self.arrived = self.arrived, None
        for hook in self.after:
            told = self._changed("grad_input", hook(self.module, told, arrived), told)
        return told

    def _spread(self, gradients: list[Any], places: list[int], count: int) -> tuple[Any, ...]:
        """Each gradient in its place among the arguments or outputs; None for those that need none."""
        told: list[Any] = [None] * count
        for i, gradient in zip(places, gradients, strict=True):
            told[i] = gradient
        return tuple(told)

    def _changed(self, what: str, returned: Any, told: tuple[Any, ...]) -> tuple[Any, ...]:
        """What a hook returned, if it fits in the place of what it was told."""
        if returned is None:
            return told
        changed = returned if isinstance(returned, tuple) else (returned,)
        wanted = [None if x is None else x.shape for x in told]
        made = [None if x is None else x if isinstance(x, Tensor) else Tensor(x) for x in changed]
        found = [None if x is None else x.shape for x in made]
        if found != wanted:
            raise ShapeError(
                f"{self._name}: a backward hook returns None, or in place of {what} a tuple of shapes "
                f"{', '.join(map(str, wanted))}, not {', '.join(map(str, found))}"
            )
        return tuple(made)

    @property
    def _name(self) -> str:
        return type(self.module).__name__


def _told(parts: tuple[Any, ...], told: Parts) -> tuple[tuple[Any, ...], list[int]]:
    """The same parts, with `told` called in backward when the gradients of all have arrived; and which."""
    places = [i for i, x in enumerate(parts) if isinstance(x, Tensor) and x.requires_grad]
    if not places:
        return parts, places
    tensors = [parts[i] for i in places]
    joined = _hooked(*tensors, told=told)
    changed = list(parts)
    for i, x, piece in zip(places, tensors, _pieces(joined, [x.shape for x in tensors]), strict=True):
        changed[i] = piece if piece.dtype == x.dtype else rules.astype(piece, x.dtype)
    return tuple(changed), places


@rule(arrays=True)
def _hooked(*xs: Array, told: Parts) -> tuple[Any, ...]:
    """The very x; of several, their elements one after the other. The gradients are those `told` returns."""
    shapes = [x.shape for x in xs]
    y = xs[0] if len(xs) == 1 or on_nodes(*xs) else np.concatenate([x.reshape(-1) for x in xs])
    last: list[Any] = []  # the gradient of y, and those of the inputs that were not yet asked for

    def gradients(g: Any) -> dict[int, Any]:
        if not last or last[0] is not g:
            given = [_for_hooks(piece) for piece in _pieces(g, shapes)]
            last[:] = [g, dict(enumerate([_for_engine(x, g) for x in told(given)]))]
        return last[1]

    def local(i: int) -> Callable[[Any], Any]:
        def one(g: Any) -> Any:
            all_of_it = gradients(g)
            part = all_of_it.pop(i)
            if not all_of_it:
                last.clear()
            return part

        one.stands_for = unchanged  # type: ignore[attr-defined]  # it needs no array: ndarrays.captured
        one.once = True  # type: ignore[attr-defined]  # hooks are not to be called twice: compiler/tracer.py
        return one

    return y, *[local(i) for i in range(len(xs))]


def _pieces(joined: Any, shapes: list[tuple[int, ...]]) -> list[Any]:
    """What was laid one after the other."""
    if len(shapes) == 1:
        return [joined]
    ends = np.cumsum([0, *[int(np.prod(shape)) for shape in shapes]]).tolist()
    return [
        joined[start:end].reshape(shape) for (start, end), shape in zip(pairwise(ends), shapes, strict=True)
    ]


def _for_hooks(gradient: Any) -> Tensor:
    """As a tensor, into which hooks cannot write: others may hold it."""
    if isinstance(gradient, Tensor):
        return gradient
    if type(gradient) is np.ndarray:
        gradient = gradient.view()
        gradient.flags.writeable = False
    return Tensor.from_numpy(gradient if is_array(gradient) else np.asarray(gradient))


def _for_engine(gradient: Tensor, like: Any) -> Any:
    """As what the engine computes with: a tensor where gradients have a graph, else an array."""
    return gradient if isinstance(like, Tensor) else gradient._data
