"""Tensor: a node whose data is an ndarray. Here, and nowhere else, broadcasting is undone."""

from __future__ import annotations

import warnings
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from minitensor.core.graph import NO_ATTRS, Edge, Node, no_flow, origin, propagate, tick
from minitensor.core.methods import TensorMethods
from minitensor.core.rule import Operation
from minitensor.core.watcher import here
from minitensor.errors import DTypeError, GraphError, ShapeError
from minitensor.ndarrays import Array, as_array, is_array, is_only_here, may_reach

TensorLike: TypeAlias = "Tensor | ArrayLike"

_new = object.__new__


class Tensor(Node, TensorMethods["Tensor"]):
    """An array that remembers how it was computed. Its operators and methods: see core/methods.py.

    Args:
        data: An array (copied; its dtype is kept), or numbers and nested lists of them (floats become
            float32, integers int64).
        dtype: The dtype to convert to.
        requires_grad: Whether `backward` should compute its gradient, kept in `.grad`.

    Raises:
        DTypeError: If the data is not numeric, or requires_grad is asked of integers.

    `.data` and `.grad` are plain arrays: under SGD, `p.data -= lr * p.grad` is a training step.

    >>> x = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> loss = (x * x).sum()
    >>> loss.backward()
    >>> x.grad
    array([[2., 4.],
           [6., 8.]], dtype=float32)
    """

    __slots__ = ("_data", "_grad", "_retains", "_written")

    _data: Array
    _grad: Any
    _retains: bool  # its gradient, although no leaf
    _written: list[int] | None  # the tick of the last write into this memory, shared by its views

    def __init__(
        self, data: TensorLike, *, dtype: DTypeLike | None = None, requires_grad: bool = False
    ) -> None:
        if isinstance(data, Tensor):
            if data._requires_grad and not requires_grad and here.state.recording:
                warnings.warn(
                    "Tensor(x) of a tensor leaves its graph: no gradient will reach x. "
                    "Use x itself, or say so with x.detach().",
                    stacklevel=2,
                )
            data = data.data
        self._start(as_array(data, dtype, copy=True))
        if requires_grad:
            self.requires_grad_()

    def _start(self, data: Array) -> None:
        self._data = data
        self._grad = self._operation = self._written = None
        self._requires_grad = self._retains = False
        self._args, self._attrs, self._edges = (), NO_ATTRS, []
        self._tick = 0

    def backward(
        self,
        gradient: TensorLike | None = None,
        *,
        retain_graph: bool | None = None,
        create_graph: bool = False,
    ) -> None:
        """Add the gradient of self to `.grad` of every leaf that it was computed from.

        Args:
            gradient: The gradient of self, of self's shape; may be left out for a single element.
            retain_graph: Keep the graph for another backward; by default only with `create_graph`.
            create_graph: Make the gradients Tensors with a graph of their own, for gradients of gradients.

        Raises:
            ShapeError: If self has several elements and no gradient is given, or one of another shape.
            GraphError: If nothing upstream requires grad, the graph was freed, or data that it needs was
                overwritten. Then no gradient has been changed.
        """
        shape = self._data.shape
        if gradient is None:
            if self._data.size != 1:
                raise ShapeError(
                    f"backward() on shape {shape}: reduce it with .mean() or .sum(), "
                    f"or pass a gradient of shape {shape}"
                )
            gradient = np.array(1, self._data.dtype).reshape(shape)
        seed: Any = gradient if isinstance(gradient, Tensor) or is_array(gradient) else np.asarray(gradient)
        if seed.shape != shape:
            raise ShapeError(f"backward(): the gradient has shape {seed.shape} and the tensor {shape}")
        if create_graph != isinstance(seed, Tensor):
            seed = Tensor(seed) if create_graph else seed.data
        propagate(
            self, seed, Tensor._receive, create_graph if retain_graph is None else retain_graph, create_graph
        )

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Start, or stop, computing gradients for this leaf."""
        if requires_grad and self._data.dtype.kind != "f":
            raise DTypeError(
                f"only floating-point tensors can require grad, not {self._data.dtype}. Try dtype=float."
            )
        if self._operation:
            raise GraphError("requires_grad_(): only for leaves. Use detach() to leave the graph.")
        self._requires_grad = bool(requires_grad)
        return self

    # ---------------------------------------------------------------------------------- on the way

    @classmethod
    def apply(cls, operation: Operation, args: tuple[Any, ...], attrs: dict[str, Any]) -> Tensor:
        """Run a rule on the arrays inside tensors, and make its value a node that knows the way back."""
        state = here.state
        data = []
        for arg in args:  # in Python 3.11 a comprehension would cost a call
            data.append(arg._data if isinstance(arg, Tensor) else arg)
        dtype, alike = None, True
        for x in data[operation.inputs]:
            if type(x) is np.ndarray and (dtype is None or x.dtype is dtype):
                dtype = x.dtype
            elif type(x) is not float and type(x) is not int:
                alike = False
        if not alike or dtype is None or dtype.kind != "f":
            args = cls._promoted(operation, args, attrs)  # to one dtype: arrays/dtypes.py
            data = [arg._data if isinstance(arg, Tensor) else arg for arg in args]
        try:
            if state.watcher is None:
                outputs = operation.function(*data, **attrs)
            else:
                outputs = state.watcher.run(operation, args, data, attrs)
        except (ValueError, TypeError, AttributeError) as error:
            raise operation.fault(data, error) from error
        value = outputs[0] if type(outputs) is tuple and outputs else operation.value_of(outputs, args)
        node = Tensor._wrap(value, args, operation)
        if len(outputs) > 1 and state.recording:
            edges: list[Edge] = []
            for place, arg in enumerate(args, 1):
                if isinstance(arg, Tensor) and arg._requires_grad:
                    local = outputs[place] if place < len(outputs) else None
                    if local is None:
                        raise no_flow(operation, place)
                    edges.append((arg, local))
            if edges:
                node._requires_grad = True
                node._operation, node._args, node._attrs, node._edges = operation, args, attrs, edges
                node._tick = tick()
        if state.watcher is not None:
            state.watcher.made(node, operation, args)
        return node

    @classmethod
    def _wrap(cls, data: Any, args: tuple[Any, ...], operation: Operation | None = None) -> Tensor:
        """A new leaf around the data that was computed from `args`."""
        if type(data) is not np.ndarray and not is_array(data):
            data = _as_array(data, operation.name if operation else "")
        node = _new(Tensor)
        node._data = data
        node._grad = node._operation = node._written = None
        node._requires_grad = node._retains = False
        node._args, node._attrs, node._edges = (), NO_ATTRS, []
        node._tick = 0
        if data.base is not None:  # perhaps a view: a write into it is a write into what it views
            for arg in args:
                if isinstance(arg, Tensor) and np.may_share_memory(data, arg._data):
                    node._written = arg._last_write()
                    break
        return node

    def _last_write(self) -> list[int]:
        if self._written is None:
            self._written = [0]
        return self._written

    # -------------------------------------------------------------------------------- on the way back

    def _add(self, held: Any, part: Any, maker: Node) -> Any:
        """What has arrived here so far, and a part. A new array: either may be anybody's."""
        data = self._data
        if type(part) is not np.ndarray:
            part = _as_gradient(part, maker)
        if part.shape != data.shape:
            part = undo_broadcasting(part, data.shape, maker)
        if part.dtype is not data.dtype:
            part = part.astype(data.dtype)
        return part if held is None else held + part

    def _receive(self, gradient: Any) -> None:
        """Keep the gradient, if this is a leaf. No two gradients share memory, nor any with anything else."""
        if self._operation is not None and not self._retains:
            return
        if isinstance(gradient, Tensor):
            gradient = gradient.copy()
        elif type(gradient) is not np.ndarray or not is_only_here(gradient):
            gradient = (
                np.array(gradient, order="K") if isinstance(gradient, np.generic) else gradient.copy("K")
            )
        watcher = here.state.watcher
        if watcher is not None and self._operation is None:
            gradient = watcher.received(self, gradient)
        if self._grad is not None:
            gradient = self._grad + gradient
        self._grad = np.asarray(gradient) if isinstance(gradient, np.generic) else gradient

    def _check_unchanged(self, run_again: bool) -> None:
        locals_ = [local for _, local in self._edges or ()]
        for x in (self, *(self._args or ())):
            if isinstance(x, Tensor) and x._written is not None and x._written[0] > self._tick:
                if not run_again and not any([may_reach(local, x._data) for local in locals_]):
                    continue
                what = "its result" if x is self else f"an input of shape {x._data.shape}"
                raise GraphError(
                    f"backward(): {self.made_by} needs {what}, which was overwritten after the forward "
                    f"pass. Run backward() before updating, or write into a copy.{origin(self)}"
                )


def undo_broadcasting(gradient: Any, shape: tuple[int, ...], maker: Node) -> Any:
    """Sum a gradient (array or Tensor) over the axes along which an input of `shape` was repeated."""
    before = gradient.shape
    extra = len(before) - len(shape)
    if extra < 0 or any([n not in (1, m) for n, m in zip(shape, before[extra:], strict=True)]):
        raise ShapeError(
            f"{maker.made_by}: a local gradient of shape {before} cannot be summed down to {shape}, "
            "the shape of its input"
        )
    axes = (*range(extra), *[i for i, n in enumerate(shape, extra) if n == 1 != before[i]])
    return np.add.reduce(gradient, axis=axes).reshape(shape)


def _as_array(x: Any, name: str) -> Array:
    """A rule's value, which NumPy's reductions return as a number."""
    if isinstance(x, np.generic | float | int):
        return np.asarray(x)
    raise DTypeError(f"{name}: a rule's value is an array, not {type(x).__name__}")


def _as_gradient(part: Any, maker: Node) -> Any:
    """What a local gradient returned, if that can be a gradient."""
    if isinstance(part, Tensor):
        return part if here.state.recording else part._data
    if is_array(part):
        return part
    if isinstance(part, np.generic | float | int):
        return np.asarray(part)
    raise DTypeError(f"{maker.made_by}: a local gradient returns an array, not {type(part).__name__}")
