"""The engine: a graph of values, and the walk back through it.

An operation is a *rule* (see rules/): a function that returns its value and one local gradient per
input. Called on nodes, a rule computes on their data and records a new node; `backward` then visits the
nodes from the last to the first and applies the chain rule. Nothing in this file knows whether the data
is a float or an array: that is for Value and Tensor to say, in the methods that `Node` leaves to them.

One clock orders everything. A node carries the tick at which it was made, and a tensor the tick of the last
write into its memory. Inputs are made before what is made from them, so descending ticks are a
topological order, and a write later than the node that used the memory makes that node stale.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import _GeneratorContextManager, contextmanager
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, Protocol, Self, TypeAlias, TypeVar, overload

from minitensor.errors import GraphError

if TYPE_CHECKING:
    from minitensor.operation import Operation

Data: TypeAlias = Any
"""What a rule computes with: float, ndarray, Value or Tensor. They share operators, not a type."""
Local: TypeAlias = Callable[[Data], Data]
"""A local gradient: turns the gradient of an operation's output into the gradient of one input."""
P = ParamSpec("P")
R = TypeVar("R")

NO_ATTRS: dict[str, Any] = {}

tick = itertools.count(1).__next__
_last_write = 0


def write_tick() -> int:
    """The tick of a write in place, happening now."""
    global _last_write
    _last_write = tick()
    return _last_write


class _Mode(threading.local):
    """Whether operations are recorded; every thread starts with True."""

    recording = True


_mode = _Mode()


@contextmanager
def recording(enabled: bool) -> Iterator[None]:
    """Record operations, or do not, until the block ends; per thread, and restored after exceptions."""
    previous, _mode.recording = _mode.recording, enabled
    try:
        yield
    finally:
        _mode.recording = previous


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
    return _mode.recording


class Node:
    """One value of a computation, and how it came about.

    A leaf was made by hand; an inner node was made by an operation from its arguments, and what the rule
    returned, its value and the local gradients, is kept or can be had again. Freeing the graph drops both.
    """

    __slots__ = ("__weakref__", "_args", "_attrs", "_operation", "_outputs", "_requires_grad", "_tick")

    kind: ClassVar[type[Node]]
    grad: Data
    _requires_grad: bool
    _operation: Operation | None  # None for a leaf
    _args: tuple[Any, ...] | None  # None once the graph was freed
    _attrs: dict[str, Any]
    _outputs: tuple[Any, ...] | None
    _tick: int

    # What a kind of node says about its data.

    @classmethod
    def _record(cls, operation: Operation, args: tuple[Any, ...], attrs: dict[str, Any]) -> Data:
        """Run a rule on the data of nodes, and make its value a node that knows the way back."""
        raise NotImplementedError

    def _run_again(self) -> tuple[Any, ...]:
        """What the rule that made this node returned, if it was not kept."""
        raise NotImplementedError

    def _collect(self, held: Data, part: Data, source: Data, maker: Node) -> Data:
        """Add to the gradient `held` so far (or None) the `part` that `maker`'s rule made from `source`."""
        raise NotImplementedError

    def _receive(self, gradient: Data) -> None:
        """Take the complete gradient of this backward pass."""
        raise NotImplementedError

    def _check_unchanged(self, run_again: bool) -> None:
        """Raise if data that the local gradients need was overwritten after this node was made."""

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Start, or stop, computing gradients for this leaf."""
        raise NotImplementedError

    @property
    def requires_grad(self) -> bool:
        """Whether `backward` computes a gradient for this node. Leaves may be told to, or not to."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    @property
    def parents(self) -> tuple[Node, ...]:
        """The nodes this one was made from, as far as they require grad; empty for a leaf."""
        return tuple([arg for arg in self._args or () if isinstance(arg, Node) and arg._requires_grad])

    @property
    def made_by(self) -> str:
        """The name of the operation that made this node; empty for a leaf."""
        return self._operation.name if self._operation else ""

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made this node."""
        return self._operation is None


def propagate(
    root: Node,
    gradient: Data,
    receive: Callable[[Any, Data], object],
    retain_graph: bool = False,
    create_graph: bool = False,
    since: int = 0,
) -> None:
    """The chain rule, from `root` and its gradient back to the leaves.

    Calls `receive(node, gradient)` once for every node that root depends on, when its gradient is complete.
    Whatever must be refused is refused before the first call. Nodes made at tick `since` or before count as
    leaves: how they were made is not followed.
    """
    order = topological_order(root, since)
    for node in order:
        if node._tick < _last_write:
            node._check_unchanged(create_graph)
    gradients = {root: root._collect(None, gradient, gradient, root)}
    previous, _mode.recording = _mode.recording, create_graph
    try:
        for node in order:
            total = gradients.pop(node)
            receive(node, total)
            args, outputs = node._args or (), node._outputs
            if create_graph and node._operation:  # local gradients that record: the rule, run on the nodes
                outputs = node._operation.function(*args, **node._attrs)
            elif outputs is None:
                outputs = node._run_again()
            for place, parent in enumerate(args, 1):
                if isinstance(parent, Node) and parent._requires_grad:
                    part = outputs[place](total)
                    gradients[parent] = parent._collect(gradients.get(parent), part, total, node)
            if not retain_graph:
                node._args = node._outputs = None
                node._attrs = NO_ATTRS
        for leaf, total in gradients.items():
            receive(leaf, total)
        for observer in observers:
            observer.finished(order)
    finally:
        _mode.recording = previous


def topological_order(root: Node, since: int = 0) -> list[Node]:
    """Every inner node that `root` depends on and that requires grad: each once, and before its inputs.

    Nodes made at tick `since` or before count as leaves; leaves themselves have tick 0.

    Raises:
        GraphError: If nothing requires grad, or an earlier backward freed a part of the graph.
    """
    if not root._requires_grad:
        raise GraphError(
            "backward(): nothing upstream requires grad "
            "(made under no_grad, detached, or rebuilt from .data?)"
        )
    found, seen = [root] if root._tick > since else [], {root}
    for node in found:  # grows while it is walked
        if node._args is None:
            raise GraphError(
                "backward(): this graph was freed by an earlier backward(). "
                f"Compute the result again, or pass retain_graph=True the first time.{origin(node)}"
            )
        for parent in node._args:
            if isinstance(parent, Node) and parent not in seen and parent._tick > since:
                seen.add(parent)
                found.append(parent)
    found.sort(key=attrgetter("_tick"), reverse=True)
    return found


def needed(operation: Operation, args: tuple[Any, ...], outputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """What a rule returned, without the local gradients of arguments that require none; None if none does."""
    found = False
    kept = outputs
    for place, arg in enumerate(args, 1):
        if isinstance(arg, Node) and arg._requires_grad:
            if place >= len(outputs) or outputs[place] is None:
                raise GraphError(
                    f"{operation.name}: no gradient flows to argument {place}, which requires grad: "
                    "detach() it"
                )
            found = True
        elif place < len(outputs) and outputs[place] is not None:
            kept = (*kept[:place], None, *kept[place + 1 :])
    return kept if found else None


class Observer(Protocol):
    """What `debug` and `compile` hang into the engine: it is told what the engine does."""

    def made(self, node: Node, operation: Operation, args: tuple[Any, ...]) -> None:
        """An operation made this node; its edges may be replaced."""

    def received(self, leaf: Node, gradient: Data) -> Data:
        """A leaf is about to receive this gradient; returns it, or what to receive instead."""
        return gradient

    def assigns(self, leaf: Node) -> None:
        """The gradient of a node is about to be set by hand."""

    def entered(self, module: Any) -> None:
        """A module is about to run."""

    def writes(self, node: Node) -> None:
        """The engine is about to write into a node's data, and will notice if that makes a graph stale."""

    def origin(self, node: Node) -> str:
        """Where the node was made, as the end of an error message."""

    def finished(self, order: Sequence[Node]) -> None:
        """A backward pass through these nodes has ended, and their graph was freed."""


observers: list[Observer] = []


def origin(node: Node) -> str:
    """Where the node was made, if someone watched; the end of an error message."""
    return "".join([observer.origin(node) for observer in observers])


def on_nodes(*args: object) -> bool:
    """Whether any argument is a node: then a rule is being run again for gradients of gradients."""
    return any([isinstance(arg, Node) for arg in args])
