"""The graph: values with edges to what they were made from, and the walk back that applies the chain rule.

An operation applied to nodes makes a node. Each of its edges leads to an input, and carries the local
gradient by which a gradient passes back to it. `propagate` visits the nodes from the last to the first: each
hands its gradient through its edges, and what arrives at a node adds up. Nothing here knows whether the data
is a float or an array: that is for Value and Tensor to say.

One clock orders everything. A node carries the tick at which it was made, so descending ticks are a
topological order; data carry that of the last write into them, and one later than the node makes it stale.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeAlias

from minitensor.core.rule import Data, Local, Operand, Operation
from minitensor.core.watcher import here
from minitensor.errors import GraphError

Edge: TypeAlias = "tuple[Node, Local]"
NO_ATTRS: dict[str, Any] = {}
tick = itertools.count(1).__next__
_last_write = 0


def write_tick() -> int:
    """The tick of a write, happening now."""
    global _last_write
    now = tick()
    if now > _last_write:  # or another thread wrote meanwhile
        _last_write = now
    return now


class Node(Operand):
    """One value of a computation, and how it came about.

    A leaf was made by hand; an inner node by an operation, whose arguments stay beside the edges for whoever
    runs its rule again. Freeing the graph drops both.
    """

    __slots__ = ("__weakref__", "_args", "_attrs", "_edges", "_operation", "_requires_grad", "_tick")
    grad: Data
    _requires_grad: bool
    _operation: Operation | None  # None for a leaf
    _args: tuple[Any, ...] | None  # None once the graph was freed
    _attrs: dict[str, Any]
    _edges: list[Edge] | None  # None where they are not kept, or were freed
    _tick: int

    def _edges_on_nodes(self) -> list[Edge]:
        """Edges whose local gradients record what they compute: the rule, run on the nodes themselves."""
        operation: Any = self._operation
        edges = zip(self._args or (), operation.locals_on_nodes(self._args, self._attrs), strict=False)
        return [(arg, local) for arg, local in edges if isinstance(arg, Node) and arg._requires_grad]

    def _pass_on(self, gradient: Data, gradients: dict[Node, Data]) -> None:
        """Pass a gradient back to the inputs, where no edges are kept: by running the rule again."""
        raise NotImplementedError

    def _add(self, held: Data, part: Data, maker: Node) -> Data:
        """The gradient `held` so far (or None) and a `part` that came through an edge of `maker`."""
        raise NotImplementedError

    def _receive(self, gradient: Data) -> None:
        """Take the complete gradient of this backward pass."""
        raise NotImplementedError

    def _check_unchanged(self, run_again: bool) -> None:
        """Raise if data that the local gradients need was overwritten after this node was made."""

    @property
    def parents(self) -> tuple[Node, ...]:
        """The nodes this one was made from, as far as they require grad; empty for a leaf."""
        return tuple([arg for arg in self._args or () if isinstance(arg, Node) and arg._requires_grad])

    @property
    def made_by(self) -> str:
        """The name of the operation that made this node; empty for a leaf."""
        return self._operation.name if self._operation else ""


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
    Freed and stale graphs are refused before the first call. For `since`, see topological_order.
    """
    order = topological_order(root, since)
    for node in order:
        if node._tick < _last_write:  # else there was no write since
            node._check_unchanged(create_graph)
    state = here.state  # until the walk has ended, recording says whether the gradients are to have a graph
    previous, state.recording = state.recording, create_graph
    try:
        gradients = {root: root._add(None, gradient, root)}  # in the root's own dtype
        for node in order:
            total = gradients.pop(node)
            receive(node, total)
            try:
                edges = node._edges_on_nodes() if create_graph else node._edges
                if edges is None:
                    node._pass_on(total, gradients)  # the same, by who keeps no edges
                else:
                    for parent, local in edges:  # along a path rates multiply, and paths add up
                        gradients[parent] = parent._add(gradients.get(parent), local(total), node)
            except (TypeError, ValueError) as error:
                node._operation.fail((), error)  # type: ignore[union-attr]
            if not retain_graph:
                node._args = node._edges = None
                node._attrs = NO_ATTRS
        for leaf in list(gradients):
            receive(leaf, gradients.pop(leaf))  # popped, so that nobody else holds it: Tensor._receive asks
    finally:
        state.recording = previous
    if state.watcher is not None:
        state.watcher.finishes(order)


def topological_order(root: Node, since: int = 0) -> list[Node]:
    """Every inner node that `root` depends on and that requires grad: each once, and before its inputs.

    Nodes made at tick `since` or before count as leaves.

    Raises:
        GraphError: If nothing requires grad, or an earlier backward freed a part of the graph.
    """
    if not root._requires_grad:
        raise GraphError(
            "backward(): nothing upstream requires grad "
            "(made under no_grad, detached, or rebuilt from .data?)"
        )
    found, seen = [root] if root._operation and root._tick > since else [], {root}
    for node in found:  # grows while it is walked
        if node._args is None:
            raise GraphError(
                "backward(): this graph was freed by an earlier backward(). "
                f"Compute the result again, or pass retain_graph=True the first time.{origin(node)}"
            )
        for parent in node._args:
            if isinstance(parent, Node) and parent._tick > since and parent not in seen and parent._operation:
                seen.add(parent)
                found.append(parent)
    found.sort(key=attrgetter("_tick"), reverse=True)
    return found


def origin(node: Node) -> str:
    """Where the node was made, if someone watched; the end of an error message."""
    return here.state.watcher.origin(node) if here.state.watcher else ""
