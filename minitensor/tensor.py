"""Tensor: a node whose data is an ndarray. Here, and nowhere else, broadcasting is undone."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from sys import getrefcount
from types import FunctionType
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minitensor import rules
from minitensor.array_methods import ArrayMethods, plain_key
from minitensor.dtypes import WEAK, as_array, needs_floats, promote
from minitensor.errors import DTypeError, GraphError, ShapeError, explain
from minitensor.graph import (
    NO_ATTRS,
    Node,
    is_grad_enabled,
    needed,
    observers,
    origin,
    propagate,
    tick,
    write_tick,
)
from minitensor.operation import Operation
from minitensor.operators import Constant, add_methods
from minitensor.recording import ARRAYS, DuckArray, array_of, peek
from minitensor.rules.notation import sum_rows

Array: TypeAlias = NDArray[Any]
Operand: TypeAlias = "Tensor | ArrayLike"


_new = object.__new__
_DUCKS: Any = DuckArray


class Tensor(ArrayMethods):
    """An array that remembers how it was computed.

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

    kind: ClassVar[type[Node]]
    _data: Array
    _retains: bool
    _written: list[int] | None  # the tick of the last write into this memory, shared by its views
    _grad: Any

    def __init__(self, data: Operand, *, dtype: DTypeLike | None = None, requires_grad: bool = False) -> None:
        if isinstance(data, Tensor):
            if data._requires_grad and not requires_grad and is_grad_enabled():
                warnings.warn(
                    "Tensor(x) of a tensor leaves its graph: no gradient will reach x. "
                    "Use x itself, or say so with x.detach().",
                    stacklevel=2,
                )
            data = data._data
        self._start(as_array(data, dtype, copy=True))
        if requires_grad:
            self.requires_grad_()

    def _start(self, data: Array) -> None:
        self._data = data
        self._grad = None
        self._requires_grad = False
        self._operation = None
        self._args = ()
        self._attrs = NO_ATTRS
        self._outputs = ()
        self._tick = 0
        self._written = None
        self._retains = False

    @classmethod
    def from_numpy(cls, array: Array) -> Self:
        """A tensor that shares the array's memory instead of copying it.

        >>> a = np.zeros(2)
        >>> t = Tensor.from_numpy(a)
        >>> a[0] = 5
        >>> t
        Tensor([5., 0.], dtype=float64)
        """
        tensor = cls.__new__(cls)
        tensor._start(as_array(array))
        return tensor

    # ------------------------------------------------------------------------------------- backward

    def backward(
        self,
        gradient: Operand | None = None,
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
        if gradient is None:
            if self._data.size != 1:
                raise ShapeError(
                    f"backward() on shape {self.shape}: reduce it with .mean() or .sum(), "
                    f"or pass a gradient of shape {self.shape}"
                )
            seed: Any = np.array(1, self._data.dtype).reshape(self._data.shape)
        else:
            seed = gradient if isinstance(gradient, Tensor) else np.asarray(gradient)
            if seed.shape != self.shape:
                raise ShapeError(
                    f"backward(): the gradient has shape {seed.shape} and the tensor {self.shape}"
                )
        if create_graph and not isinstance(seed, Tensor):
            seed = Tensor.from_numpy(seed.copy())
        elif not create_graph and isinstance(seed, Tensor):
            seed = seed._data
        retain_graph = create_graph if retain_graph is None else retain_graph
        propagate(self, seed, Tensor._receive, retain_graph, create_graph)

    def retain_grad(self) -> Self:
        """Keep this tensor's gradient in `.grad` although it is not a leaf.

        >>> x = Tensor([1.0, 2.0], requires_grad=True)
        >>> y = (x * 3).retain_grad()
        >>> (y * y).sum().backward()
        >>> y.grad
        array([ 6., 12.], dtype=float32)
        """
        if not self._requires_grad:
            raise GraphError("retain_grad(): this tensor does not require grad")
        self._retains = True
        return self

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Start, or stop, computing gradients for this leaf."""
        if requires_grad and self._data.dtype.kind != "f":
            raise DTypeError(
                f"only floating-point tensors can require grad, not {self.dtype}. Try dtype=float."
            )
        if self._operation:
            raise GraphError("requires_grad_(): only for leaves. Use detach() to leave the graph.")
        self._requires_grad = bool(requires_grad)
        return self

    def detach(self) -> Tensor:
        """The same memory off the graph."""
        return Tensor._wrap(self._data[...], (self,))

    @classmethod
    def _record(cls, operation: Operation, args: tuple[Any, ...], attrs: dict[str, Any]) -> Tensor:
        args, outputs = cls._run(operation, args, attrs)
        if type(outputs) is not tuple:
            raise DTypeError(f"{operation.name}: a rule returns a tuple (value, *local gradients)")
        node = Tensor._wrap(outputs[0], args)
        if len(outputs) > 1 and is_grad_enabled():
            kept = needed(operation, args, outputs)
            if kept:
                node._requires_grad = True
                node._operation, node._args, node._attrs, node._outputs = operation, args, attrs, kept
                node._tick = tick()
        if observers:
            for observer in observers:
                observer.made(node, operation, args)
        return node

    @classmethod
    def _run(
        cls, operation: Operation, args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """The arguments, brought to a common dtype, and what the rule makes of the data inside them."""
        data = []
        for arg in args:  # in Python 3.11 a comprehension would cost a call
            data.append(arg._data if isinstance(arg, Tensor) else arg)
        if operation.has_attributes:
            for i in range(operation.after, len(data)):
                if isinstance(data[i], np.generic):  # a np.float64 would widen float32
                    data[i] = data[i].item()
            if attrs:
                attrs = {k: x.item() if isinstance(x, np.generic) else x for k, x in attrs.items()}
        dtype = None
        for x in data[operation.inputs]:
            if type(x) is np.ndarray or (type(x) not in WEAK and isinstance(x, _DUCKS)):
                if dtype is None:
                    dtype = x.dtype
                elif x.dtype is not dtype:
                    break
            elif type(x) not in WEAK and not (x is None and operation.optional):
                break
        else:
            if dtype is None or dtype.kind == "f" or not needs_floats(operation, [*data, *attrs.values()]):
                try:
                    return args, operation.function(*data, **attrs)
                except (ValueError, TypeError, AttributeError, np.linalg.LinAlgError) as error:
                    shapes = [np.shape(x) for x in data[operation.inputs] if x is not None]
                    raise explain(operation.name, shapes, error) from error
        floats = needs_floats(operation, [*data, *attrs.values()])
        promoted = list(args)
        promoted[operation.inputs] = promote(operation, args[operation.inputs], floats)
        return cls._run(operation, tuple(promoted), attrs)

    @classmethod
    def _wrap(cls, data: Any, args: tuple[Any, ...]) -> Tensor:
        """A new leaf around the data that a rule computed from `args`."""
        if type(data) is not np.ndarray:
            data = array_of(data)  # NumPy's reductions return scalars
        node = _new(Tensor)
        node._data = data
        node._grad = node._operation = node._written = None
        node._requires_grad = node._retains = False
        node._args = node._outputs = ()
        node._attrs = NO_ATTRS
        node._tick = 0
        if data.base is not None:  # perhaps a view: a write into it is a write into what it views
            for arg in args:
                if isinstance(arg, Tensor) and np.may_share_memory(data, arg._data):
                    node._written = arg._last_write()
                    break
        return node

    def _collect(self, held: Any, part: Any, source: Any, maker: Node) -> Any:
        data = self._data
        if part.shape != data.shape:
            part = _undo_broadcasting(part, data.shape, maker)
        if part.dtype is not data.dtype:
            part = part.astype(data.dtype)
        if type(part) is not np.ndarray:
            if isinstance(part, Tensor):
                if self._operation is None and (part is source or part._data.base is not None):
                    part = part.astype(data.dtype)  # a copy
                return part if held is None else held + part
            part = array_of(part)
        if held is None and self._operation:
            return part
        # No two gradients share memory. A local gradient returns an array it made, or a view.
        own = part is not source and (part.base is None or _is_alone(peek(part)))
        if held is None:
            return part if own else part.copy("K")
        return np.add(held, part, out=part) if own else array_of(held + part)

    def _receive(self, gradient: Any) -> None:
        if self._operation is None:
            if observers:
                for observer in observers:
                    gradient = observer.received(self, gradient)
            self._grad = gradient if self._grad is None else _sum(self._grad, gradient)
        elif self._retains:
            own = gradient.astype(self.dtype)
            self._grad = own if self._grad is None else _sum(self._grad, own)

    @property
    def grad(self) -> Any:
        """The gradient: an array of data's shape and dtype, a Tensor after create_graph=True, or None."""
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        for observer in observers:
            observer.assigns(self)
        if value is not None and value is not self._grad:
            value = value if isinstance(value, Tensor) else array_of(value)
            if (value.shape, value.dtype) != (self.shape, self.dtype):
                fault = ShapeError if value.shape != self.shape else DTypeError
                raise fault(
                    f"grad: {value.dtype} of shape {value.shape} does not fit the tensor, which is "
                    f"{self.dtype} of shape {self.shape}"
                )
        self._grad = value

    # ------------------------------------------------------------------------------ writing in place

    @property
    def data(self) -> Array:
        """The array itself. Assigning to it, as in `p.data -= lr * p.grad`, counts as writing in place."""
        return self._data

    @data.setter
    def data(self, value: ArrayLike) -> None:
        if value is not self._data:
            array = as_array(value, None if isinstance(value, np.ndarray) else self.dtype)
            if self._requires_grad and array.dtype.kind != "f":
                raise DTypeError(f"data: a tensor that requires grad cannot hold {array.dtype}")
            if self._grad is not None and (array.shape, array.dtype) != (self.shape, self.dtype):
                raise ShapeError(
                    f"data: {array.dtype} of shape {array.shape} does not fit the gradient, which is "
                    f"{self.dtype} of shape {self.shape}. Set .grad = None first."
                )
            self._data = array
        self._mark_written()

    def _last_write(self) -> list[int]:
        if self._written is None:
            self._written = [0]
        return self._written

    def _mark_written(self) -> None:
        """Make every recorded operation that still needs the overwritten data refuse to run backward."""
        self._last_write()[0] = write_tick()

    def _check_unchanged(self, run_again: bool) -> None:
        for x in (self, *(self._args or ())):
            if isinstance(x, Tensor) and x._written is not None and x._written[0] > self._tick:
                if not run_again and not self._needs(x._data):
                    continue
                what = "its result" if x is self else f"an input of shape {x.shape}"
                raise GraphError(
                    f"backward(): {self.made_by} needs {what}, which was overwritten after the forward "
                    f"pass. Run backward() before updating, or write into a copy.{origin(self)}"
                )

    def _needs(self, data: Array) -> bool:
        """Whether a local gradient captured this memory."""
        arrays = [x for local in (self._outputs or ())[1:] for x in captured(local)]
        return any(np.may_share_memory(x, data) for x in arrays)

    def _write(self, name: str, value: Operand, write: Callable[[Array, Array], object]) -> None:
        """Write into the memory of a tensor that no graph depends on."""
        if is_grad_enabled() and (
            self._requires_grad or (isinstance(value, Tensor) and value._requires_grad)
        ):
            sign = name.removesuffix("=")
            new = "where(mask, b, a)" if "[" in name else f"a {sign} b"
            raise GraphError(
                f"{name}: writing in place into a tensor that requires grad, or from one. "
                f"Write under no_grad(), or make a new tensor: a = {new}."
            )
        array = value._data if isinstance(value, Tensor) else array_of(value)
        for observer in observers:
            observer.writes(self)
        try:
            write(self._data, array)
        except TypeError as error:
            raise DTypeError(f"{name}: cannot write {array.dtype} into {self.dtype}") from error
        except ValueError as error:
            if not self._data.flags.writeable:
                raise
            raise ShapeError(f"{name}: {error} (shape {self.shape}, written {array.shape})") from error
        self._mark_written()

    def _update(self, symbol: str, other: Operand, ufunc: np.ufunc, operation: Callable[..., Any]) -> Self:
        """`self += other` and its like: in place where no graph is involved, else a new tensor.

        A leaf that requires grad is refused: the new tensor would silently take the parameter's name.
        """
        graph = self._requires_grad or (isinstance(other, Tensor) and other._requires_grad)
        parameter = self._requires_grad and self._operation is None
        if is_grad_enabled() and graph and not parameter:
            return operation(self, other)
        self._write(symbol, other, lambda a, b: ufunc(a, b, out=a, casting="same_kind"))
        return self

    def __iadd__(self, other: Self | Constant) -> Self:
        return self._update("+=", other, np.add, rules.add)

    def __isub__(self, other: Self | Constant) -> Self:
        return self._update("-=", other, np.subtract, rules.subtract)

    def __imul__(self, other: Self | Constant) -> Self:
        return self._update("*=", other, np.multiply, rules.multiply)

    def __itruediv__(self, other: Self | Constant) -> Self:
        return self._update("/=", other, np.divide, rules.divide)

    def __ipow__(self, other: Self | Constant) -> Self:
        return self._update("**=", other, np.power, rules.power)

    def __imatmul__(self, other: Operand) -> Self:
        return self._update("@=", other, np.matmul, rules.matmul)

    def __setitem__(self, key: Any, value: Operand) -> None:
        key = plain_key(key)

        def assign(a: Array, b: Array) -> None:
            a[key] = b

        self._write("tensor[...] =", value, assign)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._operation:
            raise GraphError("only leaves can be copied or pickled, not a graph: use detach() first")
        return _rebuild, (type(self), self._data, self._requires_grad, self._grad)


def _is_alone(view: Array) -> bool:
    """Whether nobody else sees the view's memory: it is that of an array which only the view holds."""
    one = type(view.base) is np.ndarray and getrefcount(view.base) == _ONE_HOLDER
    return one and view.flags.writeable


_view = np.empty((1, 2)).T
_ONE_HOLDER = getrefcount(_view.base)  # with that of the call


def _sum(x: Any, y: Any) -> Any:
    """x + y, an array also in 0 dimensions."""
    total = x + y
    return total if isinstance(total, Tensor) else array_of(total)


def _rebuild(cls: type[Tensor], data: Array, requires_grad: bool, grad: Any) -> Tensor:
    tensor = cls.from_numpy(data.copy())  # copy.copy hands over the memory itself
    tensor._requires_grad, tensor._grad = requires_grad, None if grad is None else _sum(grad, 0)
    return tensor


def captured(local: Any) -> Iterator[Array]:
    """The arrays that a local gradient keeps, also inside the functions and sequences it keeps."""
    found, seen = [local], {id(local)}
    for item in found:  # grows while it is walked
        if isinstance(item, ARRAYS):
            yield item
        inside: Any = ()
        if isinstance(item, list | tuple):
            inside = item
        elif isinstance(item, partial):
            inside = [item.func, *item.args, *item.keywords.values()]
        elif isinstance(item, FunctionType):
            inside = [cell.cell_contents for cell in item.__closure__ or ()]
        new = [x for x in inside if id(x) not in seen]
        seen.update([id(x) for x in new])
        found += new


def _undo_broadcasting(gradient: Any, shape: tuple[int, ...], maker: Node) -> Any:
    """Sum a gradient (array or Tensor) over the axes along which an input of `shape` was repeated."""
    before = gradient.shape
    extra = len(before) - len(shape)
    if extra >= 0 and before[extra:] == shape:  # only repeated along new leading axes
        return sum_rows(gradient) if extra == 1 else np.add.reduce(gradient, axis=tuple(range(extra)))
    if extra < 0 or any([n not in (1, m) for n, m in zip(shape, before[extra:], strict=True)]):
        raise ShapeError(
            f"{maker.made_by}: a local gradient of shape {before} cannot be summed down to {shape}, "
            "the shape of its input"
        )
    axes = (*range(extra), *[i for i, n in enumerate(shape, extra) if n == 1 != before[i]])
    return np.add.reduce(gradient, axis=axes).reshape(shape)


Tensor.kind = Tensor
Tensor.requires_grad = property(operator.attrgetter("_requires_grad"), Node.requires_grad.fset)  # type: ignore
Tensor.grad = property(operator.attrgetter("_grad"), Tensor.grad.fset, doc=Tensor.grad.__doc__)  # type: ignore
Tensor.data = property(operator.attrgetter("_data"), Tensor.data.fset, doc=Tensor.data.__doc__)  # type: ignore  # in C
add_methods(Tensor, lambda operation: not operation.name.startswith("_"))
