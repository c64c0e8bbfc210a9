"""Tensor: a node whose data is an ndarray. Here, and nowhere else, broadcasting is undone."""

from __future__ import annotations

import warnings
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from minitensor.core.graph import NO_ATTRS, Edge, Node, propagate, tick
from minitensor.core.rule import Operation
from minitensor.core.watcher import here
from minitensor.errors import ShapeError
from minitensor.methods import TensorMethods
from minitensor.ndarrays import Array, as_array, is_only_here

TensorLike: TypeAlias = "Tensor | ArrayLike"
_new = object.__new__


class Tensor(TensorMethods["Tensor"], Node):
    """An array that remembers how it was computed. Its operators and methods: see minitensor/methods.py.

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
                words = "Tensor(x) of a tensor leaves its graph: no gradient will reach x. "
                warnings.warn(words + "Use x itself, or say so with x.detach().", stacklevel=2)
            data = data.data
        self._start(as_array(data, dtype, copy=True))
        if requires_grad:
            self.requires_grad_()

    def _start(self, data: Array) -> None:
        """Begin as a leaf around an array."""
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
        seed: Any = gradient if hasattr(gradient, "shape") else np.asarray(gradient)
        if seed.shape != shape:
            raise ShapeError(f"backward(): the gradient has shape {seed.shape} and the tensor {shape}")
        if create_graph != isinstance(seed, Tensor):
            seed = Tensor(seed) if create_graph else seed.data
        keep = create_graph if retain_graph is None else retain_graph
        propagate(self, seed, Tensor._receive, keep, create_graph)

    @classmethod
    def apply(cls, operation: Operation, args: tuple[Any, ...], attrs: dict[str, Any]) -> Tensor:
        """Run a rule on the arrays inside tensors, and make its value a node that knows the way back."""
        data, dtype, alike = [], None, True
        for arg in args:
            data.append(arg._data if isinstance(arg, Tensor) else arg)
            alike = alike and not isinstance(arg, np.generic)
        for x in data[operation.inputs]:
            if type(x) is np.ndarray and (dtype is None or x.dtype is dtype):
                dtype = x.dtype
            elif type(x) is not float and type(x) is not int:
                alike = False
        if not alike or dtype is None or dtype.kind != "f":
            args = cls._promoted(operation, args, attrs)  # to one dtype: arrays/dtypes.py
            data = [arg._data if isinstance(arg, Tensor) else arg for arg in args]
        state = here.state
        try:
            if state.watcher is None:
                outputs = operation.function(*data, **attrs)
            else:
                outputs = state.watcher.run(operation, args, data, attrs)
        except (ValueError, TypeError, AttributeError) as error:
            operation.fail(data, error)
        value: Any = outputs[0] if type(outputs) is tuple and outputs else None
        node = _new(Tensor)
        known = type(value) is np.ndarray and value.dtype is dtype
        node._start(value if known else cls._value_of(operation, outputs, args))
        base = node._data.base
        for x in data:
            if base is not None or x is value:  # it may be a view: arrays/writing.py
                node._share_writes(args)
                break
        if len(outputs) > 1 and state.recording:
            edges: list[Edge] = []
            for place, arg in enumerate(args, 1):
                if isinstance(arg, Tensor) and arg._requires_grad:
                    local = outputs[place] if place < len(outputs) else None
                    if local is None:
                        raise operation.no_flow(place)
                    edges.append((arg, local))
            if edges:
                node._requires_grad = True
                node._operation, node._args, node._attrs, node._edges = operation, args, attrs, edges
                node._tick = tick()
        if state.watcher is not None:
            state.watcher.made(node, operation, args)
        return node

    def _add(self, held: Any, part: Any, maker: Node) -> Any:
        if type(part) is not np.ndarray:
            part = self._gradient_of(maker, part)  # what counts as an array: arrays/dtypes.py
        if part.shape != self._data.shape:
            part = undo_broadcasting(part, self._data.shape, maker)
        if part.dtype is not self._data.dtype:
            part = self._gradient_of(maker, part).astype(self._data.dtype)  # if of real numbers
        return part if held is None else held + part  # a new array: both may be anybody's

    def _receive(self, gradient: Any) -> None:
        """Keep the gradient of a leaf, or as retain_grad() asked. It shares memory with nothing else."""
        if self._operation is not None and not self._retains:
            return
        if isinstance(gradient, Tensor):
            gradient = gradient.copy()
        elif isinstance(gradient, np.generic):  # a sum of 0-d arrays
            gradient = np.asarray(gradient)
        elif type(gradient) is not np.ndarray or not is_only_here(gradient):
            gradient = gradient.copy("K")
        state = here.state
        if state.recording and not isinstance(gradient, Tensor):
            gradient = Tensor(gradient)
        if state.watcher is not None and self._operation is None:
            gradient = state.watcher.receives(self, gradient)
        if self._grad is not None:
            gradient = self._grad + gradient
        self._grad = np.asarray(gradient) if isinstance(gradient, np.generic) else gradient


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
