"""debug(): a context in which the engine watches itself, to find where NaN or inf came from."""

from __future__ import annotations

import sys
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minitensor.context import watching
from minitensor.core.graph import Edge, Node
from minitensor.core.rule import Operation
from minitensor.core.tensor import Tensor
from minitensor.core.watcher import Watcher
from minitensor.errors import NumericError
from minitensor.ndarrays import Array, captured


@contextmanager
def debug() -> Iterator[None]:
    """Watch every operation of this thread until the block ends; some ten times slower.

    - The first operation that makes NaN or inf, forward or backward, raises NumericError, which names it.
      So does one that is given NaN; infinities that it is given may stay.
    - Arrays that backward needs are read-only until it has run: writing into one, as in `x.data[0] = 1`,
      raises at that line. (Writes that the engine notices by itself are let through: those of optimizers, and
      into tensors under no_grad. A view that is taken meanwhile stays read-only.)
    - Errors about a node end with the line that made it.
    - A backward that adds to a gradient of an earlier one warns.

    Raises:
        NumericError: See above.

    >>> from minitensor import Tensor
    >>> x = Tensor([1.0, 0.0], requires_grad=True)
    >>> with np.errstate(divide="ignore"), debug():
    ...     try:
    ...         x.log()
    ...     except NumericError as error:
    ...         print(str(error).splitlines()[0])
    log made inf of finite inputs of shape (2,).
    """
    watch = _Watch()
    try:
        with watching(watch):
            yield
    finally:
        watch.release_all()


class _Frozen:
    """Memory that nodes need: how many, and the arrays onto it that debug() made read-only."""

    def __init__(self) -> None:
        self.count = 0
        self.arrays: list[Array] = []


class _Watch(Watcher):
    """What one debug() block knows: where nodes were made, and which arrays it made read-only."""

    def __init__(self) -> None:
        self.origins: dict[int, str] = {}
        self.frozen: dict[int, list[int]] = {}  # by node, the memory it needs
        self.memory: dict[int, _Frozen] = {}  # by the array that owns it
        self.warned = False  # in this backward

    def made(self, node: Node, operation: Operation, args: tuple[Any, ...]) -> None:
        self.origins[id(node)] = _line_outside()
        weakref.finalize(node, self.forget, id(node)).atexit = False
        self.check_value(node, operation, args)
        if node._operation:
            edges = _edges(node) if node._edges is None else node._edges
            self.frozen[id(node)] = [x for _, local in edges for x in self.freeze(local)]
            node._edges = [(parent, self.checked(local, node)) for parent, local in edges]

    def check_value(self, node: Node, operation: Operation, args: tuple[Any, ...]) -> None:
        inputs = [_data(x) for x in args if isinstance(x, Node | np.ndarray | np.generic | float)]
        before, after = max([_worst(x) for x in inputs], default=0), _worst(_data(node))
        if after and (after > before or before == _NAN):
            found = f"made {_NAMES[after]} of {'finite' if not before else 'infinite'} inputs"
            found = "was given NaN in inputs" if before == _NAN else found
            shapes = " and ".join([str(np.shape(x)) for x in inputs])
            raise NumericError(f"{operation.name} {found} of shape {shapes}.{self.origin(node)}")

    def checked(self, local: Callable[[Any], Any], node: Node) -> Callable[[Any], Any]:
        """The local gradient, with a look at what comes out of it."""
        name, where = node.made_by, self.origin(node)

        def look(g: Any) -> Any:
            given = _worst(_data(g))
            if given:
                raise NumericError(f"backward(): {name} was given a gradient with {_NAMES[given]}.{where}")
            gradient = local(g)
            worst = _worst(_data(gradient))
            if worst:
                raise NumericError(f"backward(): {name} made {_NAMES[worst]} of a finite gradient.{where}")
            return gradient

        return look

    def receives(self, leaf: Node, gradient: Any) -> Any:
        worst = _worst(_data(gradient))
        if worst:
            shape = np.shape(_data(leaf))
            raise NumericError(
                f"backward(): the gradients of a leaf of shape {shape} add up to {_NAMES[worst]}."
            )
        if not self.warned and (leaf.grad is not None if isinstance(leaf, Tensor) else leaf.grad):
            self.warned = True
            warnings.warn(
                "backward() adds to the gradients of an earlier backward(), first in a leaf of shape "
                f"{np.shape(_data(leaf))}: call zero_grad() between them, unless the sum is meant",
                stacklevel=5,
            )
        return gradient

    def origin(self, node: Node) -> str:
        return self.origins.get(id(node), "")

    def finishes(self, order: Sequence[Node]) -> None:
        self.warned = False
        for node in order:
            if node._args is None:
                self.release(id(node))

    def forget(self, key: int) -> None:
        self.origins.pop(key, None)
        self.release(key)

    def release(self, key: int) -> None:
        """Make writeable again what this node needed, unless another needs it too."""
        for owner in self.frozen.pop(key, []):
            memory = self.memory.get(owner)
            if memory is not None:
                memory.count -= 1
                if not memory.count:
                    self.thaw(owner)

    def freeze(self, local: Callable[[Any], Any]) -> Iterator[int]:
        """Make the arrays of a local gradient, and what they view, read-only; yields their owners."""
        for x in captured(local)[0]:
            owner = x.base if isinstance(x.base, np.ndarray) else x
            if id(owner) in self.memory or owner.flags.writeable:
                memory = self.memory.setdefault(id(owner), _Frozen())
                memory.count += 1
                for array in (owner, x):
                    if array.flags.writeable:
                        array.flags.writeable = False
                        memory.arrays.append(array)
                yield id(owner)

    def thaw(self, owner: int) -> None:
        for array in self.memory.pop(owner).arrays:  # the owner comes first, as its views need
            array.flags.writeable = True

    def writes(self, node: Node) -> None:
        array = _data(node)
        if isinstance(array, np.ndarray):  # Values have none
            owner = id(array.base if isinstance(array.base, np.ndarray) else array)
            if owner in self.memory:
                self.thaw(owner)

    def release_all(self) -> None:
        for key in list(self.frozen):
            self.release(key)


_NAN = 2
_NAMES = ["finite numbers", "inf", "NaN"]


def _worst(x: Any) -> int:
    """0 for finite numbers, 1 with an infinity, 2 with NaN."""
    x = np.asarray(x)
    if x.dtype.kind != "f" or np.isfinite(x).all():
        return 0
    return _NAN if np.isnan(x).any() else 1


def _edges(node: Any) -> list[Edge]:
    """The edges of a Value, which keeps none."""
    args = [_data(x) for x in node._args]
    edges = zip(node._args, node._operation.function(*args, **node._attrs)[1:], strict=False)
    return [(x, local) for x, local in edges if isinstance(x, Node) and x._requires_grad]


def _data(x: Any) -> Any:
    return x.data if isinstance(x, Node) else x  # type: ignore[attr-defined]


def _line_outside() -> str:
    """Where the program called into minitensor."""
    import linecache  # with what it imports, 4 ms

    frame = sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "minitensor":
        frame = frame.f_back
    code = frame.f_code
    text = linecache.getline(code.co_filename, frame.f_lineno).strip()
    return f'\n  made in "{code.co_filename}", line {frame.f_lineno}, in {code.co_name}: {text}'
